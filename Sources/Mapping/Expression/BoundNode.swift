import Model

/// A part of an expression whose columns and types are settled.
indirect enum BoundNode: Sendable {
    /// Of values of which none is null.
    typealias Function = @Sendable ([ExpressionValue]) throws(ValueError) -> ExpressionValue
    typealias Comparison = @Sendable (ExpressionValue, ExpressionValue) -> Int

    case constant(ExpressionValue)
    /// An index into the columns of the table, and what is read there.
    case column(Int, ExpressionType)
    /// Null when one of the arguments is.
    case call([BoundNode], canFail: Bool, Function)
    case and([BoundNode])
    case or([BoundNode])
    case not(BoundNode)
    case isNull(BoundNode)
    /// nil is unknown.
    case isTruth(BoundNode, Bool?)
    case isDistinct(BoundNode, BoundNode, Comparison)
    case choice([(condition: BoundNode, result: BoundNode)], otherwise: BoundNode)
    case coalesce([BoundNode])
    /// Null when both are equal, else the first.
    case nullIf(BoundNode, BoundNode, Comparison, result: BoundNode)
    /// The greatest or the least of those that are not null.
    case extreme([BoundNode], isGreatest: Bool, Comparison)
    /// The texts of those that are not null, one behind the other.
    case concat([(node: BoundNode, type: ExpressionType)])

    /// Whether there may be rows for which it has no value, as the server would end a query with an error.
    var canFail: Bool {
        switch self {
        case .constant, .column: false
        case .call(let arguments, let canFail, _): canFail || arguments.contains(where: \.canFail)
        case .and(let parts), .or(let parts), .coalesce(let parts), .extreme(let parts, _, _):
            parts.contains(where: \.canFail)
        case .not(let part), .isNull(let part), .isTruth(let part, _): part.canFail
        case .isDistinct(let left, let right, _): left.canFail || right.canFail
        case .choice(let branches, let otherwise):
            otherwise.canFail || branches.contains { $0.condition.canFail || $0.result.canFail }
        case .nullIf(let left, let right, _, let result): left.canFail || right.canFail || result.canFail
        // A text may become too long.
        case .concat: true
        }
    }

    /// What is known without a row.
    var constant: ExpressionValue? {
        if case .constant(let value) = self { value } else { nil }
    }
}

/// The row an expression is computed of.
struct ExpressionRow {
    let row: Row
    /// The whole old row, where it is known.
    let old: Row?

    /// The field of a column, from the old row where it was not sent. Throws `.notSent` where that doesn't have it.
    private func field(_ column: Int) throws(ValueError) -> (Row, Field) {
        guard row.fields.indices.contains(column) else { throw .malformed(.length) }
        let field = row.fields[column]
        guard field.kind == .unchanged else { return (row, field) }
        guard let old, old.fields.indices.contains(column), old.fields[column].kind != .unchanged else {
            throw .notSent
        }
        return (old, old.fields[column])
    }

    func check(_ columns: [Int]) throws(ValueError) {
        for column in columns { _ = try field(column) }
    }

    fileprivate func value(_ column: Int, _ type: ExpressionType) throws(ValueError) -> ExpressionValue {
        let (row, field) = try field(column)
        switch field.kind {
        case .null: return .null
        case .unchanged: throw .notSent
        case .text, .binary:
            return try ExpressionValue(row.bytes(field), isBinary: field.kind == .binary, type)
        }
    }

    func evaluate(_ node: BoundNode) throws(ValueError) -> ExpressionValue {
        switch node {
        case .constant(let value): return value
        case .column(let index, let type): return try value(index, type)
        case .call(let arguments, _, let function): return try call(arguments, function)
        case .and(let parts): return try connect(parts, endingWith: false)
        case .or(let parts): return try connect(parts, endingWith: true)
        case .not(let part):
            let value = try evaluate(part)
            return value == .null ? .null : .bool(value == .bool(false))
        case .isNull(let part): return .bool(try evaluate(part) == .null)
        case .isTruth(let part, let wanted):
            return .bool(try evaluate(part) == (wanted.map { .bool($0) } ?? .null))
        case .isDistinct(let left, let right, let compare):
            let (left, right) = (try evaluate(left), try evaluate(right))
            if left == .null || right == .null { return .bool(left != right) }
            return .bool(compare(left, right) != 0)
        case .choice(let branches, let otherwise):
            for branch in branches where try evaluate(branch.condition) == .bool(true) {
                return try evaluate(branch.result)
            }
            return try evaluate(otherwise)
        case .coalesce(let parts):
            for part in parts {
                let value = try evaluate(part)
                if value != .null { return value }
            }
            return .null
        case .nullIf(let left, let right, let compare, let result):
            let (left, right) = (try evaluate(left), try evaluate(right))
            if left != .null, right != .null, compare(left, right) == 0 { return .null }
            return try evaluate(result)
        case .extreme(let parts, let isGreatest, let compare): return try extreme(parts, isGreatest, compare)
        case .concat(let parts): return try concat(parts)
        }
    }

    private func call(_ arguments: [BoundNode], _ function: BoundNode.Function) throws(ValueError) -> ExpressionValue {
        var values: [ExpressionValue] = []
        values.reserveCapacity(arguments.count)
        for argument in arguments { values.append(try evaluate(argument)) }
        return values.contains(.null) ? .null : try function(values)
    }

    /// AND and OR of three-valued logic: one part of value `end` decides, and no further one is looked at.
    private func connect(_ parts: [BoundNode], endingWith end: Bool) throws(ValueError) -> ExpressionValue {
        var isUnknown = false
        for part in parts {
            let value = try evaluate(part)
            if value == .bool(end) { return value }
            if value == .null { isUnknown = true }
        }
        return isUnknown ? .null : .bool(!end)
    }

    private func extreme(
        _ parts: [BoundNode], _ isGreatest: Bool, _ compare: BoundNode.Comparison
    ) throws(ValueError) -> ExpressionValue {
        var best = ExpressionValue.null
        for part in parts {
            let value = try evaluate(part)
            if value == .null { continue }
            let order = best == .null ? 1 : compare(value, best)
            if best == .null || (isGreatest ? order > 0 : order < 0) { best = value }
        }
        return best
    }

    private func concat(_ parts: [(node: BoundNode, type: ExpressionType)]) throws(ValueError) -> ExpressionValue {
        var text: [UInt8] = []
        for part in parts {
            switch try evaluate(part.node) {
            case .null: continue
            // The output function of bool, which a cast to text doesn't use.
            case .bool(let value): text.append(value ? 0x74 : 0x66)
            case let value: text = try TextFunctions.concatenation(text, value.serverText(part.type))
            }
        }
        return .text(text)
    }
}
