/// What a cast does, asked for or not.
struct Conversion: Sendable {
    typealias Body = @Sendable (ExpressionValue) throws(ValueError) -> ExpressionValue

    /// nil where the value stays as it is.
    let body: Body?
    /// Whether a row filter of a publication may hold the cast: a built-in function that depends on nothing else, and not
    /// the detour over a type's text.
    let isImmutable: Bool

    init(isImmutable: Bool = true, _ body: Body? = nil) {
        self.body = body
        self.isImmutable = isImmutable
    }
}

extension Conversion {
    /// nil where there is no such cast, or none that means the same everywhere.
    init?(from: ExpressionType, to: ExpressionType) {
        switch (from, to) {
        case _ where from == to, (.float4, .float8), (.padded, .text): self.init()
        case (.timestamp, .timestamptz), (.timestamptz, .timestamp): self.init(isImmutable: false)
        case (.date, .timestamp), (.date, .timestamptz): self = Conversion.midnight(isImmutable: to == .timestamp)
        case (.timestamp, .date), (.timestamptz, .date): self = Conversion.day(isImmutable: from == .timestamp)
        case (.bool, .int4): self.init { value throws(ValueError) in .integer(value == .bool(true) ? 1 : 0) }
        case (.int4, .bool): self.init { value throws(ValueError) in .bool(value != .integer(0)) }
        case (.text, _): self.init(reading: to)
        case (_, .text):
            guard from.hasText else { return nil }
            self.init(isImmutable: false) { value throws(ValueError) in .text(value.serverText(from)) }
        default:
            guard from.isNumber, to.isNumber else { return nil }
            self.init { value throws(ValueError) in try value.number(as: to, from: from) }
        }
    }

    private static func midnight(isImmutable: Bool) -> Conversion {
        Conversion(isImmutable: isImmutable) { value throws(ValueError) in
            guard case .days(let days) = value else { return .null }
            return .moment(try Moment.midnight(days))
        }
    }

    private static func day(isImmutable: Bool) -> Conversion {
        Conversion(isImmutable: isImmutable) { value throws(ValueError) in
            guard case .moment(let microseconds) = value else { return .null }
            return .days(Moment.days(of: microseconds))
        }
    }

    /// Of a text that a column holds. Dates are missing, as their texts are read by the session's settings.
    private init?(reading type: ExpressionType) {
        guard type.isNumber || type == .bool else { return nil }
        self.init(isImmutable: false) { value throws(ValueError) in
            guard case .text(let bytes) = value else { return .null }
            switch type {
            case .bool: return .bool(try Conversion.bool(bytes))
            case .numeric: return .numeric(try PostgresNumeric(text: bytes))
            case .float8: return .double(try PostgresDouble.read(bytes))
            default: return .integer(try Conversion.integer(bytes, in: type.integers))
            }
        }
    }

    /// As PostgreSQL 15 reads it: decimal, with a sign, and blanks around it.
    private static func integer(_ text: [UInt8], in range: ClosedRange<Int64>) throws(ValueError) -> Int64 {
        let bytes = trimmingSpace(text[...])
        let isSigned = bytes.first == 0x2D || bytes.first == 0x2B
        let digits = bytes.dropFirst(isSigned ? 1 : 0)
        guard !digits.isEmpty, digits.allSatisfy({ decimalDigit($0) != nil }) else { throw .evaluation(.text) }
        let number = FixedPoint(isNegative: bytes.first == 0x2D, magnitude: Magnitude(digits: digits), scale: 0)
        guard let integer = number.integer, range.contains(integer) else { throw .evaluation(.outOfRange) }
        return integer
    }

    /// The beginning of true, false, yes or no, or on, of, off, 1, 0 (`parse_bool_with_len`).
    private static func bool(_ text: [UInt8]) throws(ValueError) -> Bool {
        let word = String(decoding: trimmingSpace(text[...]).prefix(6), as: UTF8.self).lowercased()
        if !word.isEmpty, word == "on" || word == "1" || "true".hasPrefix(word) || "yes".hasPrefix(word) { return true }
        if word == "0" || word.count > 1 && "off".hasPrefix(word) { return false }
        guard !word.isEmpty, "false".hasPrefix(word) || "no".hasPrefix(word) else { throw .evaluation(.text) }
        return false
    }
}

extension ExpressionType {
    /// The numbers of an integer type.
    var integers: ClosedRange<Int64> {
        switch self {
        case .int2: Int64(Int16.min)...Int64(Int16.max)
        case .int4: Int64(Int32.min)...Int64(Int32.max)
        default: Int64.min...Int64.max
        }
    }

    /// Whether its text is known here. That of a real isn't: its digits are those of 24 bits.
    var hasText: Bool {
        switch self {
        case .float4, .padded, .array, .opaque, .composite: false
        default: true
        }
    }
}

extension ExpressionValue {
    fileprivate func number(as type: ExpressionType, from: ExpressionType) throws(ValueError) -> ExpressionValue {
        switch (self, type) {
        case (.integer(let value), .numeric): return .numeric(PostgresNumeric(value))
        case (.integer(let value), .float4): return .double(Double(Float(value)))
        case (.integer(let value), .float8): return .double(Double(value))
        case (.integer(let value), _):
            guard type.integers.contains(value) else { throw .evaluation(.outOfRange) }
            return self
        case (.numeric(let value), .float4): return .double(try PostgresDouble.real(value))
        case (.numeric(let value), .float8): return .double(try PostgresDouble.value(value))
        case (.numeric(let value), _): return .integer(try value.integer(in: type.integers))
        case (.double(let value), .numeric):
            return .numeric(try PostgresDouble.numeric(value, digits: from == .float4 ? 6 : 15))
        case (.double(let value), _): return .integer(try PostgresDouble.integer(value, in: type.integers))
        default: return self
        }
    }

    /// What a cast to text gives, of a value that is not null.
    func serverText(_ type: ExpressionType) -> [UInt8] {
        switch self {
        case .null, .lengths: []
        case .bool(let value): Array((value ? "true" : "false").utf8)
        case .integer(let value): Array(String(value).utf8)
        case .numeric(let value): value.text
        case .double(let value): PostgresDouble.text(value)
        case .text(let bytes): bytes
        case .days(let days): Array(Moment.text(days: days).utf8)
        case .moment(let value): Array(Moment.text(value, zone: type == .timestamptz ? "+00" : "").utf8)
        }
    }
}
