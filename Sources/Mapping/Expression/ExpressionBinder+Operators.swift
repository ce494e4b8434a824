import Model

// Arithmetic, comparison, texts and JSON by operators.

extension ExpressionBinder {
    mutating func binary(
        _ symbol: String, _ left: Syntax, _ right: Syntax, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let (leftNode, rightNode) = (try bind(left), try bind(right))
        switch symbol {
        case "=", "<>", "<", "<=", ">", ">=": return try comparison(symbol, leftNode, rightNode, syntax)
        case "||": return try concatenation(leftNode, rightNode, syntax)
        case "->", "->>": return try part(symbol, leftNode, rightNode, syntax)
        default: return try arithmetic(symbol, leftNode, rightNode, syntax)
        }
    }

    private func noOperator(
        _ symbol: String, _ left: TypedNode, _ right: TypedNode, _ syntax: Syntax
    ) -> ExpressionError {
        let isMoment = left.type.isMoment || right.type.isMoment
        return error(
            "no operator \(left.type.name) \(symbol) \(right.type.name)", at: syntax,
            hint: ExpressionBinder.hint(left.type) ?? ExpressionBinder.hint(right.type)
                ?? (isMoment ? "Of dates there are only date - date, date + integer and date - integer." : nil))
    }

    // MARK: - Arithmetic

    mutating func minus(_ operand: Syntax, _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        let typed = try bind(operand)
        let type = typed.type
        guard type.isNumber else { throw error("no operator - \(type.name)", at: syntax) }
        let node = try strict([typed.node], syntax) { values throws(ValueError) in
            switch values[0] {
            case .integer(let value): try ExpressionBinder.compute("-", 0, value, type)
            case .numeric(let value): .numeric(value.negated)
            case .double(let value): .double(-value)
            default: .null
            }
        }
        return TypedNode(node: node, type: type)
    }

    mutating func arithmetic(
        _ symbol: String, _ left: TypedNode, _ right: TypedNode, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        if left.type == .date || right.type == .date { return try days(symbol, left, right, syntax) }
        let known = left.type == .unknown ? right.type : left.type
        guard let type = right.type == .unknown ? known : known.operatorType(with: right.type), type.isNumber,
            !(symbol == "%" && type.isFloat)
        else { throw noOperator(symbol, left, right, syntax) }
        let operands = [try coerce(left, to: type, syntax), try coerce(right, to: type, syntax)]
        let node = try strict(operands, syntax) { values throws(ValueError) in
            switch (values[0], values[1]) {
            case (.integer(let left), .integer(let right)): try ExpressionBinder.compute(symbol, left, right, type)
            case (.numeric(let left), .numeric(let right)): .numeric(try ExpressionBinder.compute(symbol, left, right))
            case (.double(let left), .double(let right)):
                .double(try PostgresDouble.compute(symbol, left, right, isReal: type == .float4))
            default: .null
            }
        }
        return TypedNode(node: node, type: type)
    }

    private static func compute(
        _ symbol: String, _ left: Int64, _ right: Int64, _ type: ExpressionType
    ) throws(ValueError) -> ExpressionValue {
        if right == 0, symbol == "/" || symbol == "%" { throw .evaluation(.divisionByZero) }
        let (value, overflow) =
            switch symbol {
            case "+": left.addingReportingOverflow(right)
            case "-": left.subtractingReportingOverflow(right)
            case "*": left.multipliedReportingOverflow(by: right)
            case "/": left.dividedReportingOverflow(by: right)
            // The smallest integer has no remainder that overflows either.
            default: (right == -1 ? 0 : left % right, false)
            }
        guard !overflow, type.integers.contains(value) else { throw .evaluation(.outOfRange) }
        return .integer(value)
    }

    private static func compute(
        _ symbol: String, _ left: PostgresNumeric, _ right: PostgresNumeric
    ) throws(ValueError) -> PostgresNumeric {
        switch symbol {
        case "+": try left + right
        case "-": try left - right
        case "*": try left * right
        case "/": try left / right
        default: try left % right
        }
    }

    /// `date - date`, `date + integer`, `integer + date`, `date - integer`.
    private mutating func days(
        _ symbol: String, _ left: TypedNode, _ right: TypedNode, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let isSwapped = symbol == "+" && right.type == .date
        let (date, other) = isSwapped ? (right, left) : (left, right)
        if symbol == "-", other.type == .date || other.type == .unknown || date.type == .unknown {
            let operands = [try coerce(date, to: .date, syntax), try coerce(other, to: .date, syntax)]
            let node = try strict(operands, syntax) { values throws(ValueError) in
                guard case (.days(let left), .days(let right)) = (values[0], values[1]) else { return .null }
                if Moment.isEndless(days: left) || Moment.isEndless(days: right) { throw .evaluation(.date) }
                return .integer(left - right)
            }
            return TypedNode(node: node, type: .int4)
        }
        guard date.type == .date, symbol == "+" || symbol == "-", other.type.isTaken(as: .int4) else {
            throw noOperator(symbol, left, right, syntax)
        }
        let operands = [date.node, try coerce(other, to: .int4, syntax)]
        let node = try strict(operands, syntax) { values throws(ValueError) in
            guard case (.days(let days), .integer(let count)) = (values[0], values[1]) else { return .null }
            if Moment.isEndless(days: days) { return values[0] }
            return .days(try Moment.checked(days: symbol == "+" ? days + count : days - count))
        }
        return TypedNode(node: node, type: .date)
    }

    // MARK: - Comparison

    mutating func comparison(
        _ symbol: String, _ left: TypedNode, _ right: TypedNode, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let (operands, compare) = try comparable(symbol, left, right, syntax)
        let node = try strict(operands, syntax, canFail: false) { values throws(ValueError) in
            let order = compare(values[0], values[1])
            return switch symbol {
            case "=": .bool(order == 0)
            case "<>": .bool(order != 0)
            case "<": .bool(order < 0)
            case "<=": .bool(order <= 0)
            case ">": .bool(order > 0)
            default: .bool(order >= 0)
            }
        }
        return TypedNode(node: node, type: .bool)
    }

    /// Both operands as they are compared, and how.
    mutating func comparable(
        _ symbol: String, _ left: TypedNode, _ right: TypedNode, _ syntax: Syntax
    ) throws(ExpressionError) -> ([BoundNode], BoundNode.Comparison) {
        if left.type.isMoment, right.type.isMoment {
            note(immutable: left.type == right.type || left.type != .timestamptz && right.type != .timestamptz)
            return ([left.node, right.node], ExpressionBinder.comparison(of: .timestamp))
        }
        let known = left.type == .unknown ? right.type : left.type
        let common = right.type == .unknown ? known : known.operatorType(with: right.type)
        guard let type = common == .unknown ? .text : common, type.canCompare else {
            throw noOperator(symbol, left, right, syntax)
        }
        if symbol != "=", symbol != "<>" {
            if case .label = type { throw noOperator(symbol, left, right, syntax) }
            if type == .text { noteTextOrder() }
            if type == .text, !left.isCollated, !right.isCollated {
                throw error(
                    "the order of texts depends on their collation", at: syntax,
                    hint: "Write x COLLATE \"C\" \(symbol) y: by the bytes of UTF-8.")
            }
        }
        let operands = [try coerce(left, to: type, syntax), try coerce(right, to: type, syntax)]
        return (operands, ExpressionBinder.comparison(of: type))
    }

    /// Of two values that are not null.
    static func comparison(of type: ExpressionType) -> BoundNode.Comparison {
        { left, right in
            switch (left, right) {
            case (.bool(let left), .bool(let right)): (left ? 1 : 0) - (right ? 1 : 0)
            case (.integer(let left), .integer(let right)): left < right ? -1 : left > right ? 1 : 0
            case (.numeric(let left), .numeric(let right)): left.compared(to: right)
            case (.double(let left), .double(let right)): PostgresDouble.compare(left, right)
            case (.text(let left), .text(let right)): TextFunctions.compare(left, right)
            default: Moment.order(left) < Moment.order(right) ? -1 : Moment.order(left) > Moment.order(right) ? 1 : 0
            }
        }
    }

    mutating func distinction(_ left: Syntax, _ right: Syntax, _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        let (operands, compare) = try comparable("=", bind(left), bind(right), syntax)
        return TypedNode(node: .isDistinct(operands[0], operands[1], compare), type: .bool)
    }

    /// As the server's parser does it: two or more elements without columns become an array of one type, which is looked
    /// at first; any other element is a comparison of its own (parse_expr.c, transformAExprIn).
    mutating func membership(_ value: Syntax, _ list: [Syntax], _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        let value = try bind(value)
        var constants: [TypedNode] = []
        var others: [TypedNode] = []
        for element in list {
            let before = references
            let typed = try bind(element)
            if references == before { constants.append(typed) } else { others.append(typed) }
        }
        if constants.count > 1, let type = try? common([value] + constants, "elements", syntax) {
            var array: [TypedNode] = []
            for constant in constants {
                array.append(TypedNode(node: try coerce(constant, to: type, syntax), type: type))
            }
            constants = array
        }
        var nodes: [BoundNode] = []
        for element in constants + others { nodes.append(try comparison("=", value, element, syntax).node) }
        return TypedNode(node: ExpressionBinder.connected(nodes, endingWith: true), type: .bool)
    }

    // MARK: - Texts and JSON

    mutating func like(_ value: Syntax, _ pattern: Syntax, _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        let operands = [try coerce(bind(value), to: .text, value), try coerce(bind(pattern), to: .text, pattern)]
        let node = try strict(operands, syntax) { values throws(ValueError) in
            guard case (.text(let text), .text(let pattern)) = (values[0], values[1]) else { return .null }
            return .bool(try TextFunctions.isLike(text, pattern))
        }
        return TypedNode(node: node, type: .bool)
    }

    /// At least one operand is a text; the other one's text is taken.
    private mutating func concatenation(
        _ left: TypedNode, _ right: TypedNode, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let types = [left.type, right.type]
        guard types.contains(.text) || types.contains(.unknown), !types.contains(.json), !types.contains(.jsonb),
            types.allSatisfy(\.hasText)
        else { throw noOperator("||", left, right, syntax) }
        var operands: [BoundNode] = []
        for typed in [left, right] {
            guard typed.type != .unknown, let cast = Conversion(from: typed.type, to: .text) else {
                operands.append(try coerce(typed, to: .text, syntax))
                continue
            }
            operands.append(try convert(typed.node, cast, syntax))
        }
        let node = try strict(operands, syntax) { values throws(ValueError) in
            guard case (.text(let left), .text(let right)) = (values[0], values[1]) else { return .null }
            return .text(try TextFunctions.concatenation(left, right))
        }
        return TypedNode(node: node, type: .text)
    }

    /// `->` gives JSON, `->>` text.
    private mutating func part(
        _ symbol: String, _ value: TypedNode, _ key: TypedNode, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        guard value.type == .json || value.type == .jsonb, [.text, .unknown, .int2, .int4].contains(key.type) else {
            throw noOperator(symbol, value, key, syntax)
        }
        let isJSONB = value.type == .jsonb
        let isText = symbol == "->>"
        let operands = [value.node, try coerce(key, to: key.type == .unknown ? .text : key.type, syntax)]
        let node = try strict(operands, syntax) { values throws(ValueError) in
            guard case .text(let json) = values[0] else { return .null }
            var scanner = JSONScanner(json, isJSONB: isJSONB)
            let found: ArraySlice<UInt8>?
            switch values[1] {
            case .text(let name): found = try scanner.member(name)
            case .integer(let index): found = try scanner.element(index)
            default: return .null
            }
            guard let found else { return .null }
            return isText ? (try JSONScanner.text(found)).map { .text($0) } ?? .null : .text(Array(found))
        }
        return TypedNode(node: node, type: isText ? .text : value.type)
    }
}

extension ExpressionType {
    /// Whether values of the type are told apart by an operator = that is known here.
    fileprivate var canCompare: Bool {
        switch self {
        case .json, .jsonb, .array, .opaque, .composite, .padded: false
        default: true
        }
    }
}
