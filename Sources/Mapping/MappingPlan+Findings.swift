import Model

/// What the plan has to say about a table's types.
extension MappingPlan {
    /// Names of the columns whose binary form can't be read: a COPY has to cast them to text, and a stream that carries
    /// one has to be sent as text.
    package var textOnlyColumns: [String] {
        schema.columns.filter { !MappingPlan.hasBinaryCodec($0.type) }.map(\.name)
    }

    /// All of severity info: `type_as_text` for a column stored as the server's text form, `key_as_text` for a key
    /// column that is stored differently than it would be in the body, so that nothing is lost.
    package var typeFindings: [Finding] {
        let plain = schema.columns.filter { !MappingPlan.hasBinaryCodec($0.type) }.map { column in
            Finding(
                .info, "type_as_text", subject: "\(schema.name).\(column.name)",
                "type \(column.type.name) is stored as the server's text form")
        }
        let keys = key.filter { codec(of: $0) != ValueCodec(schema.columns[$0.index].type) }.map { planned in
            let column = schema.columns[planned.index]
            return Finding(
                .info, "key_as_text", subject: "\(schema.name).\(column.name)",
                "type \(column.type.name) is stored as text in the key, because a date would lose its microseconds")
        }
        return plain + keys
    }
}
