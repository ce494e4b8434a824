/// Bytes that are not BSON, or a name BSON can't hold. Never carries a value.
package struct BSONError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Reason: String, Hashable, Sendable {
        case truncated = "the bytes end inside a value"
        case length = "a length does not fit its surroundings"
        case terminator = "a terminating zero byte is missing"
        case unknownType = "an element has an unknown type"
        case depth = "documents are nested too deep"
        case utf8 = "a string is not UTF-8"
        case bool = "a boolean is neither 0 nor 1"
        case nameWithNUL = "a field name holds a NUL character"
    }

    package let reason: Reason
    /// Bytes from the start of the (nested) document that is at fault.
    package let offset: Int

    package init(_ reason: Reason, offset: Int = 0) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String { "invalid BSON: \(reason.rawValue) (offset \(offset))" }
}
