/// Matching by LIKE, without recursion: after a mismatch the last `%` takes one more character.
struct LikePattern {
    private let text: [UInt8]
    private let pattern: [UInt8]

    init(text: [UInt8], pattern: [UInt8]) {
        self.text = text
        self.pattern = pattern
    }

    func matches() throws(ValueError) -> Bool {
        var (place, mark) = (0, 0)
        // Where to go on after a mismatch: behind the last %, and at which byte of the text.
        var retry: (mark: Int, place: Int)?
        while place < text.count {
            if mark < pattern.count, pattern[mark] == 0x25 {
                mark += 1
                if mark == pattern.count { return true }
                try checkEnd(from: mark)
                retry = (mark, place)
            } else if mark < pattern.count, let next = try step(place, mark) {
                (place, mark) = next
            } else if let last = retry {
                place = end(ofCharacterAt: last.place)
                mark = last.mark
                retry = (mark, place)
            } else {
                return false
            }
        }
        // Nothing more can be taken: what is left of the pattern may only be any text.
        return pattern[mark...].allSatisfy { $0 == 0x25 }
    }

    /// Behind what the pattern's next character takes; nil where it doesn't.
    private func step(_ place: Int, _ mark: Int) throws(ValueError) -> (Int, Int)? {
        if pattern[mark] == 0x5F { return (end(ofCharacterAt: place), mark + 1) }
        let isEscaped = pattern[mark] == 0x5C
        guard mark + (isEscaped ? 1 : 0) < pattern.count else { throw .evaluation(.pattern) }
        let wanted = isEscaped ? mark + 1 : mark
        return text[place] == pattern[wanted] ? (place + 1, wanted + 1) : nil
    }

    /// Behind a % the server looks at the next character of the pattern before it looks for it in the text.
    private func checkEnd(from mark: Int) throws(ValueError) {
        let rest = pattern[mark...].drop { $0 == 0x25 || $0 == 0x5F }
        if rest.elementsEqual([0x5C]) { throw .evaluation(.pattern) }
    }

    private func end(ofCharacterAt place: Int) -> Int {
        var end = place + 1
        while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }
}
