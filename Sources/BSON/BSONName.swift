/// A field name, encoded once: UTF-8 bytes with the trailing zero byte that BSON's `cstring` wants.
package struct BSONName: Hashable, Sendable {
    package let bytes: [UInt8]

    /// Throws `BSONError` (`.nameWithNUL`): a `cstring` can't hold a NUL character.
    package init(_ name: String) throws(BSONError) {
        var bytes = Array(name.utf8)
        if bytes.contains(0) { throw BSONError(.nameWithNUL) }
        bytes.append(0)
        self.bytes = bytes
    }

    package var text: String { String(decoding: bytes.dropLast(), as: UTF8.self) }

    /// The name of every document's key.
    package static let id = BSONName(constant: "_id")

    /// A name in the code, without a NUL character.
    package init(constant name: StaticString) {
        bytes = name.withUTF8Buffer { Array($0) } + [0]
    }
}
