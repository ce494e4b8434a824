import Model

/// `${NAME}` in values of the configuration file: replaced after parsing, so that no value can change the file's
/// structure. `$$` is a dollar sign; a dollar before anything else stays.
struct VariableExpansion: Sendable {
    let environment: [String: String]

    /// - Throws: `Failure` of kind `.configuration` that names the variable and `path`, never a value.
    func expand(_ text: String, path: String) throws -> String {
        var result = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            switch rest.first {
            case "$":
                result += "$"
                rest.removeFirst()
            case "{":
                guard let end = rest.firstIndex(of: "}") else {
                    throw Failure(
                        .configuration, "'${' without '}' in \(path)",
                        hint: "Write ${NAME} for a variable of the environment, and $$ for a dollar sign.")
                }
                result += try value(of: String(rest[rest.index(after: rest.startIndex)..<end]), path: path)
                rest = rest[rest.index(after: end)...]
            default:
                result += "$"
            }
        }
        return result + rest
    }

    private func value(of name: String, path: String) throws -> String {
        let isName =
            !name.isEmpty && name.utf8.first.map { !(0x30...0x39).contains($0) } == true
            && name.utf8.allSatisfy {
                (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
            }
        guard isName else {
            throw Failure(
                .configuration, "what stands in '${…}' in \(path) is no name of a variable",
                hint: "A name has letters, digits and _; write $$ for a dollar sign.")
        }
        guard let value = environment[name] else {
            throw Failure(
                .configuration, "the variable \(name) in \(path) is not set",
                hint: "Set it in the environment of wherry, or write $$ for a dollar sign.")
        }
        return value
    }
}
