import BSON
import Model

/// Words of a YAML file as a draft writes them.
enum YAMLText {
    /// A key, or a value in which nothing is replaced: plain where that is what it stays, else in double quotes.
    static func word(_ text: String) -> String {
        let isPlain = text.wholeMatch(of: /-?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/) != nil
        // Or what a reader of numbers takes for one.
        let others: Set<String> = [
            "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity",
        ]
        let bare = text.lowercased().drop { $0 == "-" }
        return isPlain && !others.contains(String(bare)) ? text : quoted(text)
    }

    /// A value of the configuration, in which `${NAME}` would be a variable.
    static func value(_ text: String) -> String { word(text.replacing("$", with: "$$")) }

    static func value(_ value: BSONValue) -> String {
        switch value {
        case .string(let text): self.value(text)
        case .bool(let bool): "\(bool)"
        case .int32(let number): "\(number)"
        case .int64(let number): "\(number)"
        default: "null"
        }
    }

    /// One line, whatever is in a name.
    static func comment(_ text: String) -> String {
        "# " + String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case _ where isControl(scalar):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// What YAML takes for the end of a line, or for no character.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || [0x2028, 0x2029, 0xFEFF].contains(scalar.value)
    }
}
