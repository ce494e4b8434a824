/// How many columns of a terminal a text takes, as far as names of tables need it: nothing for combining marks, two for
/// East Asian wide characters and emoji (Unicode Standard Annex 11, the large blocks), one for everything else.
enum DisplayWidth {
    static func columns(_ text: String) -> Int {
        text.reduce(0) { $0 + columns($1) }
    }

    /// The text in at most `width` columns, with `…` where something is missing; control characters become `?`.
    static func fit(_ text: String, width: Int) -> String {
        let text = String(text.map { isControl($0) ? "?" : $0 })
        guard columns(text) > width else { return text }
        guard width > 0 else { return "" }
        var result = ""
        var used = 0
        for character in text {
            let next = columns(character)
            if used + next > width - 1 { break }
            result.append(character)
            used += next
        }
        return result + "…"
    }

    /// Fitted and filled up with spaces, on the right or on the left.
    static func pad(_ text: String, width: Int, alignRight: Bool = false) -> String {
        let fitted = fit(text, width: width)
        let filling = String(repeating: " ", count: max(0, width - columns(fitted)))
        return alignRight ? filling + fitted : fitted + filling
    }

    private static func columns(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return isWide(scalar.value) ? 2 : 1
        }
    }

    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }

    private static func isControl(_ character: Character) -> Bool {
        character.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
