/// An expression as it was written, before anything is known of the table.
struct Syntax: Sendable {
    indirect enum Kind: Sendable {
        /// Digits, a minus in front of them if there was one.
        case number(String)
        /// A text in quotes: of the type that its surroundings want.
        case text(String)
        case bool(Bool)
        case null
        case column(String)
        /// `+ - * / % || -> ->> = <> < <= > >=`.
        case binary(String, Syntax, Syntax)
        case minus(Syntax)
        case and([Syntax])
        case or([Syntax])
        case not(Syntax)
        case isNull(Syntax)
        /// `IS TRUE`, `IS FALSE`, `IS UNKNOWN` (nil).
        case isTruth(Syntax, Bool?)
        case isDistinct(Syntax, Syntax)
        case isIn(Syntax, [Syntax])
        case between(Syntax, Syntax, Syntax)
        case like(Syntax, Syntax)
        case choice([(condition: Syntax, result: Syntax)], otherwise: Syntax?)
        case call(String, [Syntax])
        case cast(Syntax, ExpressionType)
        /// `COLLATE "C"`.
        case collate(Syntax)
    }

    let kind: Kind
    /// In bytes from the beginning of the text: of the operator, or the first word.
    let position: Int
    /// Levels, this one included.
    let depth: Int

    init(_ kind: Kind, at position: Int) {
        self.kind = kind
        self.position = position
        depth = 1 + (kind.parts.map(\.depth).max() ?? 0)
    }
}

extension Syntax.Kind {
    fileprivate var parts: [Syntax] {
        switch self {
        case .number, .text, .bool, .null, .column: []
        case .minus(let part), .not(let part), .isNull(let part), .isTruth(let part, _), .cast(let part, _),
            .collate(let part):
            [part]
        case .binary(_, let left, let right), .isDistinct(let left, let right), .like(let left, let right):
            [left, right]
        case .and(let parts), .or(let parts), .call(_, let parts): parts
        case .isIn(let value, let list): [value] + list
        case .between(let value, let lower, let upper): [value, lower, upper]
        case .choice(let branches, let otherwise):
            branches.flatMap { [$0.condition, $0.result] } + (otherwise.map { [$0] } ?? [])
        }
    }
}
