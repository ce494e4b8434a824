import Model

/// A part of an expression and its type.
struct TypedNode {
    let node: BoundNode
    let type: ExpressionType
    /// Whether its order is that of bytes: `COLLATE "C"`.
    var isCollated = false

    /// A text in quotes that has no type yet.
    var literal: String? {
        guard type == .unknown, case .text(let bytes)? = node.constant else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Settles columns and types against one version of a table, by PostgreSQL's rules (PostgreSQL documentation, "Type
/// Conversion"), as far as the language goes. What is constant is computed at once, as the server's planner does, which
/// decides whether an error behind it is ever seen.
struct ExpressionBinder {
    let text: String
    let schema: TableSchema
    /// Indices of the columns, in the order in which they appear.
    private(set) var columns: [Int] = []
    /// How often a column was named so far.
    private(set) var references = 0
    /// Whether a row filter of a publication may hold it (PostgreSQL documentation, "CREATE PUBLICATION").
    private(set) var isFilterable = true
    /// Whether texts are put in order: by the bytes of UTF-8, of which a database in another encoding has others.
    private(set) var ordersText = false

    /// The lowest oid of what is not built in (PostgreSQL source, transam.h, FirstNormalObjectId).
    private static let firstUserOID: UInt32 = 16384

    init(text: String, schema: TableSchema) {
        self.text = text
        self.schema = schema
    }

    func error(_ message: String, at syntax: Syntax, hint: String? = nil) -> ExpressionError {
        ExpressionError(message, in: text, at: syntax.position, hint: hint)
    }

    /// What no row filter may hold was met.
    mutating func note(immutable: Bool) { isFilterable = isFilterable && immutable }

    mutating func noteTextOrder() { ordersText = true }

    mutating func bind(_ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        switch syntax.kind {
        case .number(let digits): return try number(digits, syntax)
        case .text(let text): return TypedNode(node: .constant(.text(Array(text.utf8))), type: .unknown)
        case .bool(let value): return TypedNode(node: .constant(.bool(value)), type: .bool)
        case .null: return TypedNode(node: .constant(.null), type: .unknown)
        case .column(let name): return try column(name, syntax)
        case .minus(let operand): return try minus(operand, syntax)
        case .binary(let symbol, let left, let right): return try binary(symbol, left, right, syntax)
        case .and(let parts): return try connection(parts, endingWith: false)
        case .or(let parts): return try connection(parts, endingWith: true)
        case .not(let operand): return try negation(operand)
        case .isNull(let operand): return try isNull(operand)
        case .isTruth(let operand, let wanted):
            return TypedNode(node: .isTruth(try condition(operand), wanted), type: .bool)
        case .isDistinct(let left, let right): return try distinction(left, right, syntax)
        case .isIn(let value, let list): return try membership(value, list, syntax)
        case .between(let value, let lower, let upper):
            let value = try bind(value)
            let (lower, upper) = (try bind(lower), try bind(upper))
            let bounds = [
                try comparison(">=", value, lower, syntax).node, try comparison("<=", value, upper, syntax).node,
            ]
            return TypedNode(node: ExpressionBinder.connected(bounds, endingWith: false), type: .bool)
        case .like(let value, let pattern): return try like(value, pattern, syntax)
        case .choice(let branches, let otherwise): return try choice(branches, otherwise, syntax)
        case .call(let name, let arguments): return try call(name, arguments, syntax)
        case .cast(let operand, let type): return try cast(operand, type, syntax)
        case .collate(let operand):
            return TypedNode(node: try coerce(bind(operand), to: .text, operand), type: .text, isCollated: true)
        }
    }

    // MARK: - Leaves

    /// integer where it fits, else bigint, else numeric; numeric with a point or an exponent.
    private func number(_ digits: String, _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        if let value = Int64(digits) {
            return TypedNode(
                node: .constant(.integer(value)), type: Int32(exactly: value) == nil ? .int8 : .int4)
        }
        do {
            return TypedNode(node: .constant(.numeric(try PostgresNumeric(text: digits.utf8))), type: .numeric)
        } catch {
            throw self.error("a number with more digits than numeric has", at: syntax)
        }
    }

    private mutating func column(_ name: String, _ syntax: Syntax) throws(ExpressionError) -> TypedNode {
        guard let index = schema.columns.firstIndex(where: { $0.name == name }) else {
            let nearest = Suggestion.nearest(to: name, among: schema.columns.map(\.name))
            throw error(
                "no column \(name) in table \(schema.name)", at: syntax,
                hint: nearest.map { "Did you mean \(ExpressionBinder.asWritten($0))?" }
                    ?? "Names without quotes are folded to lower case; generated columns are not replicated.")
        }
        references += 1
        if !columns.contains(index) { columns.append(index) }
        let type = schema.columns[index].type
        note(immutable: type.oid < ExpressionBinder.firstUserOID)
        return TypedNode(node: .column(index, ExpressionType(type)), type: ExpressionType(type))
    }

    private static func asWritten(_ name: String) -> String {
        name.wholeMatch(of: /[a-z_][a-z0-9_$]*/) == nil ? quoteIdentifier(name) : name
    }

    // MARK: - Types

    /// The node as a value of `type`, where it is taken for one without a cast.
    mutating func coerce(
        _ typed: TypedNode, to type: ExpressionType, _ syntax: Syntax
    ) throws(ExpressionError) -> BoundNode {
        if typed.type == type { return typed.node }
        if typed.type == .unknown { return .constant(try literal(typed, type, syntax)) }
        guard typed.type.isTaken(as: type), let conversion = Conversion(from: typed.type, to: type) else {
            throw error(
                "expected \(type.name), found \(typed.type.name)", at: syntax, hint: ExpressionBinder.hint(typed.type))
        }
        return try convert(typed.node, conversion, syntax)
    }

    mutating func convert(
        _ node: BoundNode, _ conversion: Conversion, _ syntax: Syntax
    ) throws(ExpressionError) -> BoundNode {
        note(immutable: conversion.isImmutable)
        guard let body = conversion.body else { return node }
        return try strict([node], syntax) { values throws(ValueError) in try body(values[0]) }
    }

    /// What can be done with a type that can do little.
    static func hint(_ type: ExpressionType) -> String? {
        switch type {
        case .padded: "Cast it first: column::text is without the padding."
        case .float4: "Cast it first: column::float8."
        case .opaque, .array: "A column of this type can only be asked whether it IS NULL, an array for its length."
        case .label: "A label is compared by = <> IN with texts in quotes; for anything else, cast it to text."
        case .composite: "Columns of a row type can't be used."
        case .json, .jsonb: "Take a part of it with ->> and cast that."
        default: nil
        }
    }

    private func literal(
        _ typed: TypedNode, _ type: ExpressionType, _ syntax: Syntax
    ) throws(ExpressionError) -> ExpressionValue {
        guard let literal = typed.literal else { return .null }
        guard let value = ExpressionValue(literal: literal, type) else {
            throw error(
                "a text that is no \(type.name)", at: syntax,
                hint: type.isMoment ? "Dates are written '2024-01-31', timestamps '2024-01-31 23:59:59.5'." : nil)
        }
        return value
    }

    /// The common type of several, text where none has one.
    func common(_ nodes: [TypedNode], _ what: String, _ syntax: Syntax) throws(ExpressionError) -> ExpressionType {
        var common = ExpressionType.unknown
        for node in nodes {
            guard let next = common.common(with: node.type) else {
                throw error("\(what) of \(common.name) and \(node.type.name) don't fit together", at: syntax)
            }
            common = next
        }
        return common == .unknown ? .text : common
    }

    mutating func condition(_ syntax: Syntax) throws(ExpressionError) -> BoundNode {
        try coerce(bind(syntax), to: .bool, syntax)
    }

    // MARK: - Nodes

    /// A function that is null where an argument is. With constants alone it is computed now.
    func strict(
        _ arguments: [BoundNode], _ syntax: Syntax, canFail: Bool = true, _ function: @escaping BoundNode.Function
    ) throws(ExpressionError) -> BoundNode {
        let constants = arguments.map(\.constant)
        if constants.contains(.null) { return .constant(.null) }
        let values = constants.compactMap(\.self)
        guard values.count == arguments.count else { return .call(arguments, canFail: canFail, function) }
        do {
            return .constant(try function(values))
        } catch {
            guard case .evaluation(let fault) = error else { throw self.error("a value that can't be", at: syntax) }
            throw self.error("this always \(fault.rawValue)", at: syntax)
        }
    }

    private mutating func connection(_ parts: [Syntax], endingWith end: Bool) throws(ExpressionError) -> TypedNode {
        var nodes: [BoundNode] = []
        for part in parts { nodes.append(try condition(part)) }
        return TypedNode(node: ExpressionBinder.connected(nodes, endingWith: end), type: .bool)
    }

    /// AND (which false ends) and OR (which true ends): a constant that decides is all that is left, as for the server.
    static func connected(_ nodes: [BoundNode], endingWith end: Bool) -> BoundNode {
        if nodes.contains(where: { $0.constant == .bool(end) }) { return .constant(.bool(end)) }
        let rest = nodes.filter { $0.constant != .bool(!end) }
        switch rest.count {
        case 0: return .constant(.bool(!end))
        case 1: return rest[0]
        default: return end ? .or(rest) : .and(rest)
        }
    }

    private mutating func negation(_ operand: Syntax) throws(ExpressionError) -> TypedNode {
        let node = try condition(operand)
        switch node.constant {
        case .null: return TypedNode(node: node, type: .bool)
        case .bool(let value): return TypedNode(node: .constant(.bool(!value)), type: .bool)
        default: return TypedNode(node: .not(node), type: .bool)
        }
    }

    private mutating func isNull(_ operand: Syntax) throws(ExpressionError) -> TypedNode {
        let typed = try bind(operand)
        if case .composite = typed.type {
            throw error(
                "IS NULL of a row type asks about its fields", at: operand, hint: "Columns of a row type can't be used."
            )
        }
        // Of a column that is all that is asked, its value is not looked at.
        guard case .column(let index, _) = typed.node else {
            return TypedNode(node: .isNull(typed.node), type: .bool)
        }
        return TypedNode(node: .isNull(.column(index, .opaque(schema.columns[index].type))), type: .bool)
    }

    private mutating func choice(
        _ branches: [(condition: Syntax, result: Syntax)], _ otherwise: Syntax?, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        var conditions: [BoundNode] = []
        var results: [(TypedNode, Syntax)] = []
        for branch in branches {
            conditions.append(try condition(branch.condition))
            results.append((try bind(branch.result), branch.result))
        }
        let last = otherwise ?? Syntax(.null, at: syntax.position)
        results.append((try bind(last), last))
        let type = try common(results.map(\.0), "branches", syntax)
        var nodes: [BoundNode] = []
        for (typed, place) in results { nodes.append(try coerce(typed, to: type, place)) }
        let pairs = zip(conditions, nodes).map { (condition: $0, result: $1) }
        return TypedNode(node: .choice(pairs, otherwise: nodes[pairs.count]), type: type)
    }

    private mutating func cast(
        _ operand: Syntax, _ type: ExpressionType, _ syntax: Syntax
    ) throws(ExpressionError) -> TypedNode {
        let typed = try bind(operand)
        if typed.type == .unknown { return TypedNode(node: try coerce(typed, to: type, operand), type: type) }
        guard let conversion = Conversion(from: typed.type, to: type) else {
            let isDate = typed.type == .text && type.isMoment
            throw error(
                "no cast from \(typed.type.name) to \(type.name)", at: syntax,
                hint: isDate
                    ? "What such a text means depends on the session's settings." : ExpressionBinder.hint(typed.type))
        }
        return TypedNode(node: try convert(typed.node, conversion, syntax), type: type)
    }
}
