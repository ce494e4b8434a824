extension ExpressionValue {
    /// From a text in quotes, in the forms that no setting of a session changes; nil where it is in none of them.
    init?(literal text: String, _ type: ExpressionType) {
        let bytes = Array(text.utf8)
        switch type {
        case .text, .label, .unknown: self = .text(bytes)
        case .bool, .int2, .int4, .int8, .numeric, .float8:
            guard let read = Conversion(from: .text, to: type)?.body, let value = try? read(.text(bytes)) else {
                return nil
            }
            self = value
        case .float4:
            guard let number = try? PostgresNumeric(text: bytes), let value = try? PostgresDouble.real(number) else {
                return nil
            }
            self = .double(value)
        case .date:
            guard let days = Moment.days(literal: text) else { return nil }
            self = .days(days)
        case .timestamp, .timestamptz:
            guard let moment = Moment.microseconds(literal: text, hasZone: type == .timestamptz) else { return nil }
            self = .moment(moment)
        case .uuid:
            let pattern = /[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}/
            guard text.wholeMatch(of: pattern) != nil else { return nil }
            self = .text(Array(text.lowercased().utf8))
        case .json, .jsonb, .padded, .array, .opaque, .composite: return nil
        }
    }
}
