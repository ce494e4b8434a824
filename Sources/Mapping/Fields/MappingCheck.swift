import Model

/// What a mapping asks of a table that it can't have. A plan is made only where nothing is found; `wherry check` tells
/// the first problem of each collection.
struct MappingCheck {
    let schema: TableSchema
    let collection: String
    let keyColumns: [String]
    let mapping: CollectionMapping

    /// Throws the first problem, a `Failure` of kind `.configuration`.
    func fields() throws(Failure) -> FieldTree {
        for (name, key) in named() { try requireColumn(name, key) }
        for name in keyColumns { try requireUntouched(name) }
        var tree = FieldTree()
        if let constant = mapping.discriminator {
            try add(
                [constant.field], .constant, to: &tree, isPlain: false,
                what: "'discriminator.\(constant.field)' of collection \(collection)")
        }
        for (index, column) in schema.columns.enumerated()
        where !keyColumns.contains(column.name) && !mapping.leavesOut(column.name) {
            let isRenamed = mapping.rename[column.name] != nil
            try add(
                mapping.path(of: column.name), .column(index), to: &tree, isPlain: !isRenamed,
                what: "column \(column.name) of table \(schema.name)")
        }
        for (index, field) in mapping.computed.enumerated() {
            try add(
                field.path.split(separator: ".", omittingEmptySubsequences: false).map(String.init), .computed(index),
                to: &tree, isPlain: false, what: "'compute.\(field.path)' of collection \(collection)")
        }
        try requirePlainNames(tree)
        return tree
    }

    /// The codec of a body's column.
    func codec(of column: Column) throws(Failure) -> ValueCodec {
        var policies = mapping.policies(of: column.name)
        let own = ValueCodec(column.type, policies)
        if let type = mapping.types[column.name] {
            // Of its form the type says everything itself.
            policies.timestamp = .date
            guard let codec = ValueCodec(column.type).converted(to: type)?.held(to: policies) else {
                throw failure(
                    "column \(column.name) of table \(schema.name) is \(column.type.name), which can't be \(type.rawValue)",
                    hint: "Leave 'type.\(column.name)' out, or choose another type: docs/mapping.md lists them.")
            }
            return codec
        }
        guard let mask = mapping.masks[column.name] else { return own }
        let plain = ValueCodec(column.type)
        switch mask {
        case .sha256, .last4:
            guard plain.hasPlainText else {
                throw failure(
                    "column \(column.name) of table \(schema.name) is \(column.type.name), which has no text to mask",
                    hint: "Mask it with redact or null, or drop it.")
            }
            let text = plain.converted(to: .iso) ?? plain
            return .refined(text, .masked(mask))
        case .redact, .null: return .refined(plain, .masked(mask))
        }
    }

    /// What refuses values of a key's column that `_id` itself has room for; nil where nothing does.
    func refusingCodec(ofKey column: Column) -> ValueCodec? {
        var policies = mapping.policies(of: column.name)
        policies.timestamp = .date
        let codec = ValueCodec(column.type, policies)
        return codec == ValueCodec(column.type) ? nil : codec
    }

    // MARK: - Expressions

    /// - Parameter key: columns that are always known.
    func computed(besides key: Set<Int>) throws(Failure) -> [ComputedValue] {
        var values: [ComputedValue] = []
        for field in mapping.computed {
            do throws(ExpressionError) {
                let expression = try Expression(parsing: field.expression)
                    .bound(to: schema, policies: mapping.policies)
                values.append(
                    ComputedValue(
                        expression: expression, columns: expression.columns.filter { !key.contains($0) },
                        path: field.path))
            } catch {
                throw error.failure(in: "'compute.\(field.path)' of collection \(collection)")
            }
        }
        return values
    }

    func filter() throws(Failure) -> BoundExpression? {
        guard let text = mapping.filter else { return nil }
        do throws(ExpressionError) {
            return try Expression(parsing: text).condition(on: schema)
        } catch {
            throw error.failure(in: "'where' of collection \(collection)")
        }
    }

    // MARK: - Key

    /// The key's columns in the order of `_id`.
    func orderedKey() throws(Failure) -> [String] {
        guard case .columns(let columns) = mapping.id else { return keyColumns }
        guard columns.count == keyColumns.count, Set(columns) == Set(keyColumns) else {
            throw failure(
                "'id' of collection \(collection) is [\(columns.joined(separator: ", "))], and the key of table "
                    + "\(schema.name) is [\(keyColumns.joined(separator: ", "))]",
                hint: "Name exactly the key's columns, in any order: by others rows could not be told apart, or found.")
        }
        return columns
    }

    /// Whether `_id` is a document, unless it is a text.
    var wrapsKey: Bool { mapping.id == .wrapped || keyColumns.count > 1 || mapping.discriminator != nil }

    /// The fields of an `_id` that is a document, the discriminator's first; of one that isn't, what a name would be.
    func addKey(_ indices: [Int], to tree: inout FieldTree) throws(Failure) {
        if let constant = mapping.discriminator { try addToKey(constant.field, .constant, &tree) }
        for index in indices {
            let name = schema.columns[index].name
            let path = wrapsKey ? mapping.path(of: name) : [name]
            if wrapsKey, path[0].hasPrefix("$") {
                throw failure(
                    "key column \(path[0]) of table \(schema.name) starts with a dollar sign",
                    hint: "MongoDB refuses such a field inside of _id. Give it another name in 'rename'.")
            }
            try addToKey(path[0], .column(index), &tree)
        }
    }

    private func addToKey(_ name: String, _ source: FieldTree.Source, _ tree: inout FieldTree) throws(Failure) {
        do throws(FieldTree.Conflict) {
            try tree.addKey(name, source)
        } catch {
            let clash =
                name == mapping.discriminator?.field
                ? "a column of the key of table \(schema.name) would be field \(name) of _id, the discriminator's"
                : "two columns of the key of table \(schema.name) would be field \(name) of _id"
            throw failure(clash, hint: "Give one of them another name in 'rename'.")
        }
    }

    func template(of keys: [(index: Int, codec: ValueCodec)]) throws(Failure) -> KeyTemplate? {
        guard case .template(let text) = mapping.id else { return nil }
        guard mapping.discriminator == nil else {
            throw failure(
                "'id' of collection \(collection) is '\(text)' for table \(schema.name), and there is a discriminator",
                hint:
                    "The discriminator is the first field of _id, which is a document then: leave 'id' out, or give it the "
                    + "key's columns in their order.")
        }
        return try KeyTemplate(
            text, columns: keys.map { schema.columns[$0.index].name }, codecs: keys.map(\.codec),
            collection: collection)
    }

    /// Where a document says when it was last written.
    func guardField(_ guarding: LastModified) throws(Failure) -> String {
        let path = mapping.path(of: guarding.column)
        let isPlainDate =
            !mapping.leavesOut(guarding.column) && mapping.masks[guarding.column] == nil
            && (mapping.types[guarding.column].map { $0 == .date }
                ?? (mapping.policies(of: guarding.column).timestamp == .date))
            && path.count == 1
        guard isPlainDate else {
            throw failure(
                "last_modified of table \(schema.name) is \(guarding.column), which collection \(collection) leaves out, "
                    + "masks, moves into a document or writes as no date",
                hint: "Documents are compared by it: it has to be a date at the top of them.")
        }
        return path[0]
    }

    // MARK: - Names

    /// The columns that are named, with the keys of the file.
    private func named() -> [(String, String)] {
        var names: [(String, String)] = []
        switch mapping.columns {
        case .all: break
        case .keep(let columns): names += columns.sorted().map { ($0, "keep") }
        case .drop(let columns): names += columns.sorted().map { ($0, "drop") }
        }
        names += mapping.rename.keys.sorted().map { ($0, "rename") }
        names += mapping.types.keys.sorted().map { ($0, "type") }
        names += mapping.masks.keys.sorted().map { ($0, "mask") }
        for (column, policies) in mapping.columnPolicies.sorted(by: { $0.key < $1.key }) {
            if policies.numericOverflow != nil { names.append((column, "numeric_overflow")) }
            if policies.timestamp != nil { names.append((column, "timestamp")) }
            if policies.outOfRange != nil { names.append((column, "out_of_range")) }
            if policies.unknownType != nil { names.append((column, "unknown_type")) }
        }
        return names
    }

    private func requireColumn(_ name: String, _ key: String) throws(Failure) {
        let columns = schema.columns.map(\.name)
        if columns.contains(name) { return }
        let near = Suggestion.nearest(to: name, among: columns)
        throw failure(
            "'\(key)' of collection \(collection) names column \(name), which table \(schema.name) doesn't have",
            hint: near.map { "Did you mean \($0)?" } ?? "Its columns: \(columns.joined(separator: ", ")).")
    }

    /// What `_id` is can't be left out, nor changed: rows are found by it, and read again by it.
    private func requireUntouched(_ name: String) throws(Failure) {
        let touched: String? =
            if case .drop(let columns) = mapping.columns, columns.contains(name) {
                "drop"
            } else if mapping.types[name] != nil {
                "type"
            } else if mapping.masks[name] != nil {
                "mask"
            } else if mapping.columnPolicies[name]?.timestamp != nil {
                "timestamp"
            } else {
                nil
            }
        if let touched {
            throw failure(
                "'\(touched)' of collection \(collection) names column \(name), which is in the key of \(schema.name)",
                hint:
                    "The key's columns are the _id, by which a document is found: take the column out of '\(touched)'.")
        }
        guard let path = mapping.rename[name] else { return }
        if path.isEmpty || path.contains(".") || path.hasPrefix("$") {
            throw failure(
                "'rename.\(name)' of collection \(collection) is '\(path)', and the column is in the key",
                hint: "Inside of _id its field has a name without dots and dollar signs.")
        }
    }

    private func add(
        _ path: [String], _ source: FieldTree.Source, to tree: inout FieldTree, isPlain: Bool, what: String
    ) throws(Failure) {
        do throws(FieldTree.Conflict) {
            try tree.add(path, source, isPlain: isPlain)
        } catch {
            let shown = path.joined(separator: ".")
            switch error {
            case .taken(let other):
                throw failure(
                    "\(what) would be field \(shown) of collection \(collection), and there is a field \(other)",
                    hint: "Two values can't be in one place: rename one of them.")
            case .id:
                throw failure(
                    "\(what) is not the key",
                    hint:
                        "The field _id of a document holds the key: name another field in 'rename', or drop the column."
                )
            case .emptyPart, .nul:
                throw failure(
                    "\(what) would be field '\(shown)' of collection \(collection), which has a part without a name",
                    hint: "Write a path like shipping.city.")
            case .dollar(let part):
                throw failure(
                    "\(what) would be field \(shown) of collection \(collection), and \(part) starts with a dollar sign",
                    hint: "MongoDB keeps such names to itself: choose another.")
            case .depth:
                throw failure(
                    "\(what) would be field \(shown) of collection \(collection), more than \(FieldTree.mostLevels) deep",
                    hint: "Choose a shorter path.")
            }
        }
    }

    /// A document that is built anew by the server can't have fields that it reads as paths or operators.
    private func requirePlainNames(_ tree: FieldTree) throws(Failure) {
        guard mapping.isStructured else { return }
        for field in tree.fields where field.name.hasPrefix("$") || field.name.utf8.contains(0x2E) {
            throw failure(
                "column \(field.name) of table \(schema.name) has a name with a dot or a dollar sign, and collection "
                    + "\(collection) has documents inside, or leaves nulls out",
                hint: "MongoDB would read the name as a path: give the column another in 'rename'.")
        }
    }

    private func failure(_ message: String, hint: String) -> Failure { Failure(.configuration, message, hint: hint) }
}
