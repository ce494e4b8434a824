/// A function whose arguments have one type each: null where one of them is.
struct ExpressionFunction: Sendable {
    let parameters: [ExpressionType]
    /// How many of the last parameters may be left out.
    let optional: Int
    let result: ExpressionType
    let body: BoundNode.Function

    private init(
        _ parameters: [ExpressionType], optional: Int = 0, _ result: ExpressionType = .text,
        _ body: @escaping @Sendable (Arguments) throws(ValueError) -> ExpressionValue
    ) {
        self.parameters = parameters
        self.optional = optional
        self.result = result
        self.body = { values throws(ValueError) in try body(Arguments(values: values)) }
    }

    private struct Arguments {
        let values: [ExpressionValue]

        func text(_ index: Int) -> [UInt8] { if case .text(let bytes) = values[index] { bytes } else { [] } }

        func integer(_ index: Int) -> Int64 { if case .integer(let value) = values[index] { value } else { 0 } }

        var count: Int { values.count }
    }

    /// By name. The others, which look at the types of their arguments, are in `ExpressionBinder`.
    static let all: [String: ExpressionFunction] = {
        let length = ExpressionFunction([.text], .int4) { .integer(Int64(TextFunctions.length($0.text(0)))) }
        let substring = ExpressionFunction([.text, .int4, .int4], optional: 1) { arguments throws(ValueError) in
            let count = arguments.count > 2 ? arguments.integer(2) : nil
            return .text(try TextFunctions.substring(arguments.text(0), from: arguments.integer(1), count: count))
        }
        return [
            "length": length, "char_length": length, "character_length": length,
            "octet_length": ExpressionFunction([.text], .int4) { .integer(Int64($0.text(0).count)) },
            "substring": substring, "substr": substring,
            "left": ExpressionFunction([.text, .int4]) { .text(TextFunctions.left($0.text(0), $0.integer(1))) },
            "right": ExpressionFunction([.text, .int4]) { .text(TextFunctions.right($0.text(0), $0.integer(1))) },
            "btrim": trim(atStart: true, atEnd: true),
            "ltrim": trim(atStart: true, atEnd: false),
            "rtrim": trim(atStart: false, atEnd: true),
            "replace": ExpressionFunction([.text, .text, .text]) { arguments throws(ValueError) in
                .text(try TextFunctions.replace(arguments.text(0), arguments.text(1), arguments.text(2)))
            },
            "split_part": ExpressionFunction([.text, .text, .int4]) { arguments throws(ValueError) in
                .text(try TextFunctions.part(arguments.text(0), arguments.text(1), arguments.integer(2)))
            },
            "starts_with": ExpressionFunction([.text, .text], .bool) { .bool($0.text(0).starts(with: $0.text(1))) },
        ]
    }()

    private static func trim(atStart: Bool, atEnd: Bool) -> ExpressionFunction {
        ExpressionFunction([.text, .text], optional: 1) { arguments in
            let set = arguments.count > 1 ? arguments.text(1) : [0x20]
            return .text(TextFunctions.trim(arguments.text(0), set, atStart: atStart, atEnd: atEnd))
        }
    }
}
