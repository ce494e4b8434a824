/// Functions of text on UTF-8 bytes: characters are counted as code points (PostgreSQL source, varlena.c,
/// oracle_compat.c). The texts are valid UTF-8.
enum TextFunctions {
    typealias Bytes = [UInt8]

    /// Bytes of a text that is put together; the server knows 1 GB.
    static let maximumSize = 16 * 1024 * 1024

    static func length(_ text: Bytes) -> Int { text.reduce(0) { $0 + (isContinuation($1) ? 0 : 1) } }

    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    /// Where the character of this number begins, counted from 0; the end when there are fewer.
    private static func offset(_ text: Bytes, ofCharacter number: Int) -> Int {
        var count = 0
        for (offset, byte) in text.enumerated() where !isContinuation(byte) {
            if count >= number { return offset }
            count += 1
        }
        return text.count
    }

    static func concatenation(_ left: Bytes, _ right: Bytes) throws(ValueError) -> Bytes {
        guard left.count + right.count <= maximumSize else { throw .evaluation(.size) }
        return left + right
    }

    /// From a character counted from 1, which may lie before the text: then those are counted, too.
    static func substring(_ text: Bytes, from start: Int64, count: Int64?) throws(ValueError) -> Bytes {
        let first = max(start, 1) - 1
        guard let count else { return Bytes(text[offset(text, ofCharacter: Int(first))...]) }
        guard count >= 0 else { throw .evaluation(.length) }
        let end = max(start + count - 1, first)
        return Bytes(text[offset(text, ofCharacter: Int(first))..<offset(text, ofCharacter: Int(end))])
    }

    /// All but the last ones where `count` is negative.
    static func left(_ text: Bytes, _ count: Int64) -> Bytes {
        let count = count < 0 ? Int64(length(text)) + count : count
        return Bytes(text[..<offset(text, ofCharacter: Int(count))])
    }

    /// All but the first ones where `count` is negative.
    static func right(_ text: Bytes, _ count: Int64) -> Bytes {
        let skipped = count < 0 ? -count : Int64(length(text)) - count
        return Bytes(text[offset(text, ofCharacter: Int(skipped))...])
    }

    static func trim(_ text: Bytes, _ set: Bytes, atStart: Bool, atEnd: Bool) -> Bytes {
        let set = Set(characters(set))
        var kept = characters(text)[...]
        while atStart, let first = kept.first, set.contains(first) { kept.removeFirst() }
        while atEnd, let last = kept.last, set.contains(last) { kept.removeLast() }
        return Bytes(kept.joined())
    }

    private static func characters(_ text: Bytes) -> [ArraySlice<UInt8>] {
        var characters: [ArraySlice<UInt8>] = []
        var start = 0
        for offset in text.indices.dropFirst() where !isContinuation(text[offset]) {
            characters.append(text[start..<offset])
            start = offset
        }
        if start < text.count { characters.append(text[start...]) }
        return characters
    }

    static func replace(_ text: Bytes, _ pattern: Bytes, _ replacement: Bytes) throws(ValueError) -> Bytes {
        let parts = split(text, pattern)
        guard text.count + (parts.count - 1) * replacement.count <= maximumSize || parts.count == 1 else {
            throw .evaluation(.size)
        }
        return Bytes(parts.joined(separator: replacement))
    }

    /// What lies between the separators; the whole text where there are none, or the separator is empty.
    private static func split(_ text: Bytes, _ separator: Bytes) -> [ArraySlice<UInt8>] {
        guard let head = separator.first else { return [text[...]] }
        var parts: [ArraySlice<UInt8>] = []
        var (start, offset) = (0, 0)
        while offset + separator.count <= text.count {
            if text[offset] == head, text[offset..<offset + separator.count].elementsEqual(separator) {
                parts.append(text[start..<offset])
                offset += separator.count
                start = offset
            } else {
                offset += 1
            }
        }
        return parts + [text[start...]]
    }

    /// The field of this number, counted from 1, or from the end where it is negative.
    static func part(_ text: Bytes, _ separator: Bytes, _ number: Int64) throws(ValueError) -> Bytes {
        guard number != 0 else { throw .evaluation(.position) }
        let parts = split(text, separator)
        let index = number > 0 ? number - 1 : Int64(parts.count) + number
        return parts.indices.contains(Int(index)) ? Bytes(parts[Int(index)]) : []
    }

    /// As in the collation "C": ASCII letters alone.
    static func lower(_ text: Bytes) -> Bytes { text.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 } }

    static func upper(_ text: Bytes) -> Bytes { text.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 } }

    /// By bytes: the order of the collation "C".
    static func compare(_ left: Bytes, _ right: Bytes) -> Int {
        if left == right { return 0 }
        return left.lexicographicallyPrecedes(right) ? -1 : 1
    }

    /// `%` is any text, `_` any character, a backslash takes the next character as it is (PostgreSQL source, like_match.c).
    /// Throws `.evaluation(.pattern)` for a pattern that ends in a backslash, where a text gets that far.
    static func isLike(_ text: Bytes, _ pattern: Bytes) throws(ValueError) -> Bool {
        try LikePattern(text: text, pattern: pattern).matches()
    }
}
