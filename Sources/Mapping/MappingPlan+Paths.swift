import Model

/// Where values are in a document.
extension MappingPlan {
    /// The path of a column's value: `shipping.city`, `_id`, `_id.tenant_id`. nil for a column that is left out, or is
    /// only a part of a text.
    package func path(of column: String) -> String? {
        guard let index = schema.columns.firstIndex(where: { $0.name == column }) else { return nil }
        if let field = key.first(where: { $0.index == index }) {
            if template != nil { return nil }
            return isWrapped ? "_id.\(name(of: field))" : "_id"
        }
        return bodyPaths.first { $0.field.kind == .column && $0.field.index == index }?.path
    }

    /// Of every value: those of columns, those that are computed and the discriminator's, `_id` first.
    package var paths: [String] {
        let inKey = isWrapped && template == nil ? [keyConstant].compactMap { $0 } + key : []
        return ["_id"] + inKey.map { "_id.\(name(of: $0))" } + bodyPaths.map(\.path)
    }

    private var bodyPaths: [(field: PlannedField, path: String)] {
        var around: [String] = []
        var paths: [(PlannedField, String)] = []
        for field in body {
            switch field.kind {
            case .open: around.append(name(of: field))
            case .close: around.removeLast()
            case .column, .computed, .constant:
                paths.append((field, (around + [name(of: field)]).joined(separator: ".")))
            }
        }
        return paths
    }
}
