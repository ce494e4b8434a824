import Model

extension ExpressionBinder {
    /// The functions that look at the types of their arguments.
    private static let special = [
        "abs", "sign", "floor", "ceil", "ceiling", "round", "trunc", "mod", "lower", "upper", "concat", "coalesce",
        "nullif", "greatest", "least", "extract", "date_trunc", "cardinality", "array_length",
    ]

    mutating func call(_ name: String, _ arguments: [Syntax], _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        if let function = ExpressionFunction.all[name] { return try call(function, name, arguments, syntax) }
        switch name {
        case "abs", "sign": return try sign(name, arguments, syntax)
        case "floor": return try rounded(name, .floor, .down, arguments, syntax)
        case "ceil", "ceiling": return try rounded(name, .ceiling, .up, arguments, syntax)
        case "round": return try rounded(name, .half, .toNearestOrEven, arguments, syntax)
        case "trunc": return try rounded(name, .down, .towardZero, arguments, syntax)
        case "mod":
            try count(arguments, 2...2, name, syntax)
            return try arithmetic("%", bind(arguments[0]), bind(arguments[1]), syntax)
        case "lower", "upper": return try folded(name, arguments, syntax)
        case "concat": return try concat(arguments, syntax)
        case "coalesce": return try coalesce(arguments, syntax)
        case "nullif": return try nullIf(arguments, syntax)
        case "greatest", "least": return try extreme(name, arguments, syntax)
        case "extract", "date_trunc": return try field(name, arguments, syntax)
        case "cardinality", "array_length": return try size(name, arguments, syntax)
        default:
            let names = ExpressionBinder.special + Array(ExpressionFunction.all.keys) + ["trim"]
            throw error(
                "no function \(name)", at: syntax,
                hint: Suggestion.nearest(to: name, among: names.sorted()).map { "Did you mean \($0)?" }
                    ?? "docs/mapping.md lists the functions.")
        }
    }

    private func count(
        _ arguments: [Syntax], _ wanted: ClosedRange<Int>, _ name: String, _ syntax: Syntax
    ) throws(ExpressionError) {
        guard wanted.contains(arguments.count) else {
            let number = wanted.count == 1 ? "\(wanted.lowerBound)" : "\(wanted.lowerBound) or \(wanted.upperBound)"
            throw error("\(name) takes \(number) arguments, not \(arguments.count)", at: syntax)
        }
    }

    private mutating func call(
        _ function: ExpressionFunction, _ name: String, _ arguments: [Syntax], _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let all = function.parameters.count
        try count(arguments, all - function.optional...all, name, syntax)
        var nodes: [BoundNode] = []
        for (argument, type) in zip(arguments, function.parameters) {
            let typed = try bind(argument)
            // substring(x FROM 'pattern') is another function.
            if name == "substring", arguments.count == 2, type == .int4, typed.literal != nil {
                throw error("substring takes positions, not a pattern", at: argument)
            }
            nodes.append(try coerce(typed, to: type, argument))
        }
        return TypedNode(node: try strict(nodes, syntax, function.body), type: function.result)
    }

    // MARK: - Numbers

    private mutating func sign(
        _ name: String, _ arguments: [Syntax], _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        try count(arguments, 1...1, name, syntax)
        let typed = try bind(arguments[0])
        let isSign = name == "sign"
        // sign knows numeric and double precision, and the latter is preferred.
        let wanted: ExpressionType = typed.type == .numeric ? .numeric : .float8
        let type = isSign || !typed.type.isNumber ? wanted : typed.type
        let operand = try coerce(typed, to: type, arguments[0])
        let node = try strict([operand], syntax) { values throws(ValueError) in
            switch values[0] {
            case .integer(let value):
                guard type.integers.contains(0 &- value), value != .min else { throw .evaluation(.outOfRange) }
                return .integer(abs(value))
            case .numeric(let value): return .numeric(isSign ? value.sign : value.magnitude)
            case .double(let value): return .double(isSign ? (value > 0 ? 1 : value < 0 ? -1 : 0) : value.magnitude)
            default: return .null
            }
        }
        return TypedNode(node: node, type: type)
    }

    /// Of numeric and double precision, to which an integer is turned; of numeric with a number of decimals too.
    private mutating func rounded(
        _ name: String, _ rule: FixedPoint.Rule, _ floatRule: FloatingPointRoundingRule, _ arguments: [Syntax],
        _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        try count(arguments, name == "round" || name == "trunc" ? 1...2 : 1...1, name, syntax)
        let typed = try bind(arguments[0])
        let type: ExpressionType = typed.type == .numeric || arguments.count == 2 ? .numeric : .float8
        if type == .numeric, typed.type.isFloat {
            throw error(
                "\(name) with decimals takes numeric", at: arguments[0], hint: "Cast the first argument: x::numeric.")
        }
        var nodes = [try coerce(typed, to: type, arguments[0])]
        if arguments.count == 2 { nodes.append(try coerce(bind(arguments[1]), to: .int4, arguments[1])) }
        let node = try strict(nodes, syntax) { values throws(ValueError) in
            switch values[0] {
            case .numeric(let value):
                let scale = if values.count > 1, case .integer(let scale) = values[1] { Int(scale) } else { 0 }
                return .numeric(try value.rounded(to: scale, rule))
            case .double(let value): return .double(value.rounded(floatRule))
            default: return .null
            }
        }
        return TypedNode(node: node, type: type)
    }

    // MARK: - Texts

    private mutating func folded(
        _ name: String, _ arguments: [Syntax], _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        try count(arguments, 1...1, name, syntax)
        let typed = try bind(arguments[0])
        let operand = try coerce(typed, to: .text, arguments[0])
        guard typed.isCollated else {
            throw error(
                "what \(name) does to letters depends on their collation", at: syntax,
                hint: "Write \(name)(x COLLATE \"C\"): it changes A to Z and leaves other letters, on every server.")
        }
        let isLower = name == "lower"
        let node = try strict([operand], syntax) { values throws(ValueError) in
            guard case .text(let bytes) = values[0] else { return .null }
            return .text(isLower ? TextFunctions.lower(bytes) : TextFunctions.upper(bytes))
        }
        return TypedNode(node: node, type: .text, isCollated: true)
    }

    private mutating func concat(_ arguments: [Syntax], _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        var parts: [(node: BoundNode, type: ExpressionType)] = []
        for argument in arguments {
            let typed = try bind(argument)
            guard typed.type.hasText else {
                throw error(
                    "concat can't take \(typed.type.name)", at: argument, hint: ExpressionBinder.hint(typed.type))
            }
            parts.append((typed.node, typed.type))
        }
        note(immutable: false)
        guard !parts.isEmpty else { throw error("concat takes at least one argument", at: syntax) }
        return TypedNode(node: .concat(parts), type: .text)
    }

    // MARK: - Choices

    private mutating func coalesce(_ arguments: [Syntax], _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        let (nodes, type) = try alike(arguments, "coalesce", syntax)
        return TypedNode(node: .coalesce(nodes), type: type)
    }

    /// Arguments of one type, at least one.
    private mutating func alike(
        _ arguments: [Syntax], _ name: String, _ syntax: Syntax
    ) throws(ExpressionError) -> ([BoundNode], ExpressionType) {
        guard !arguments.isEmpty else { throw error("\(name) takes at least one argument", at: syntax) }
        var typed: [TypedNode] = []
        for argument in arguments { typed.append(try bind(argument)) }
        let type = try common(typed, "arguments", syntax)
        var nodes: [BoundNode] = []
        for (node, argument) in zip(typed, arguments) { nodes.append(try coerce(node, to: type, argument)) }
        return (nodes, type)
    }

    /// The result has the type of the first argument as the comparison takes it: an integer stays what it is beside another
    /// integer, and becomes numeric beside numeric.
    private mutating func nullIf(_ arguments: [Syntax], _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        try count(arguments, 2...2, "nullif", syntax)
        let (left, right) = (try bind(arguments[0]), try bind(arguments[1]))
        let (operands, compare) = try comparable("=", left, right, syntax)
        let (first, second) = (left.type, right.type)
        let stays =
            first.isInteger && second.isInteger || first.isFloat && second.isFloat || first.isMoment && second.isMoment
        let known = first == .unknown ? second : first
        let common = second == .unknown ? known : known.operatorType(with: second) ?? known
        let type = stays ? first : common == .unknown ? .text : common
        let result = stays ? left.node : operands[0]
        // NULL equals nothing, so that the other one is not looked at.
        if operands.contains(where: { $0.constant == .null }) { return TypedNode(node: result, type: type) }
        return TypedNode(node: .nullIf(operands[0], operands[1], compare, result: result), type: type)
    }

    private mutating func extreme(
        _ name: String, _ arguments: [Syntax], _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let (nodes, type) = try alike(arguments, name, syntax)
        guard type.isNumber || type.isMoment else {
            throw error("\(name) compares numbers and dates only, not \(type.name)", at: syntax)
        }
        return TypedNode(
            node: .extreme(nodes, isGreatest: name == "greatest", ExpressionBinder.comparison(of: type)), type: type)
    }

    // MARK: - Dates and arrays

    private mutating func field(
        _ name: String, _ arguments: [Syntax], _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        try count(arguments, 2...2, name, syntax)
        let isTruncation = name == "date_trunc"
        guard case .text(let unit) = arguments[0].kind, let field = DateField(rawValue: unit.lowercased()),
            !isTruncation || field.canTruncate
        else {
            let known = DateField.allCases.filter { !isTruncation || $0.canTruncate }.map(\.rawValue)
            throw error("\(name) knows \(known.joined(separator: ", "))", at: arguments[0])
        }
        let typed = try bind(arguments[1])
        let type = typed.type
        guard type.isMoment, !(isTruncation && type == .date) else {
            throw error(
                "\(name) can't take \(type.name)", at: arguments[1],
                hint: type == .date ? "Cast it: column::timestamp." : "Cast it to timestamp, or name a column of dates."
            )
        }
        guard type != .date || field.isOfDate else { throw error("a date has no \(field.rawValue)", at: arguments[0]) }
        note(immutable: type != .timestamptz)
        let node = try strict([typed.node], syntax) { values throws(ValueError) in
            if isTruncation, case .moment(let value) = values[0] { return .moment(try field.truncated(value)) }
            return field.extracted(from: values[0]).map { .numeric($0) } ?? .null
        }
        return TypedNode(node: node, type: isTruncation ? type : .numeric)
    }

    private mutating func size(
        _ name: String, _ arguments: [Syntax], _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let isCardinality = name == "cardinality"
        try count(arguments, isCardinality ? 1...1 : 2...2, name, syntax)
        let typed = try bind(arguments[0])
        guard case .array = typed.type else {
            throw error("\(name) takes an array, not \(typed.type.name)", at: arguments[0])
        }
        var nodes = [typed.node]
        if !isCardinality { nodes.append(try coerce(bind(arguments[1]), to: .int4, arguments[1])) }
        let node = try strict(nodes, syntax) { values throws(ValueError) in
            guard case .lengths(let lengths) = values[0] else { return .null }
            if isCardinality { return .integer(lengths.isEmpty ? 0 : Int64(lengths.reduce(1, *))) }
            guard case .integer(let dimension) = values[1], lengths.indices.contains(Int(dimension) - 1) else {
                return .null
            }
            return .integer(Int64(lengths[Int(dimension) - 1]))
        }
        return TypedNode(node: node, type: .int4)
    }
}
