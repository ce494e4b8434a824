import Model

/// Makes a `CollectionMapping` of what the file says of one collection, or of all. Every error is a `Failure` of kind
/// `.configuration` that names the key.
struct MappingResolver: Sendable {
    let defaults: ConfiguredDefaults
    let salt: Given<String>?
    /// Where they were given: the file's name.
    let file: String

    /// For tables that the file doesn't name.
    func standard() throws -> CollectionMapping { try mapping(ConfiguredCollection(), at: "defaults") }

    /// - Parameter path: of the collection in the file.
    func mapping(_ entry: ConfiguredCollection, at path: String) throws -> CollectionMapping {
        let words = Words(file: file, path: path)
        var mapping = CollectionMapping()
        mapping.id = id(entry.id)
        mapping.discriminator = try entry.discriminator.map { try discriminator($0, path) }
        mapping.columns = try columns(entry, path)
        mapping.rename = entry.rename ?? [:]
        mapping.fieldCase = try words.choice(entry.fieldCase ?? defaults.fieldCase, "case", default: .keep)
        mapping.nulls = try words.choice(entry.nulls ?? defaults.nulls, "nulls", default: .null)
        mapping.types = try words.choices(entry.type, "type")
        mapping.masks = try masks(entry.mask ?? [:], words)
        mapping.computed = (entry.compute ?? [:]).sorted { $0.key < $1.key }
            .map { CollectionMapping.ComputedField(path: $0.key, expression: $0.value) }
        mapping.filter = entry.filter
        mapping.policies.numericOverflow = try words.choice(
            entry.numericOverflow?.word ?? defaults.numericOverflow, "numeric_overflow", default: .string)
        mapping.policies.timestamp = try words.choice(
            entry.timestamp?.word ?? defaults.timestamp, "timestamp", default: .date)
        mapping.policies.outOfRange = try words.choice(
            entry.outOfRange?.word ?? defaults.outOfRange, "out_of_range", default: .string)
        mapping.policies.unknownType = try words.choice(
            entry.unknownType?.word ?? defaults.unknownType, "unknown_type", default: .string)
        mapping.columnPolicies = try columnPolicies(entry, words)
        return mapping
    }

    private func columnPolicies(_ entry: ConfiguredCollection, _ words: Words) throws -> [String: ColumnPolicies] {
        var policies: [String: ColumnPolicies] = [:]
        func set<Choice: RawRepresentable & CaseIterable>(
            _ path: WritableKeyPath<ColumnPolicies, Choice?>, _ given: WordOrWords?, _ key: String
        ) throws where Choice.RawValue == String {
            for (column, choice) in try words.choices(given?.byColumn, key) as [String: Choice] {
                policies[column, default: ColumnPolicies()][keyPath: path] = choice
            }
        }
        try set(\.numericOverflow, entry.numericOverflow, "numeric_overflow")
        try set(\.timestamp, entry.timestamp, "timestamp")
        try set(\.outOfRange, entry.outOfRange, "out_of_range")
        try set(\.unknownType, entry.unknownType, "unknown_type")
        return policies
    }

    private func id(_ given: WordOrList?) -> DocumentID {
        switch given {
        case nil, .word("single"): .key
        case .word("wrapped"): .wrapped
        case .word(let template): .template(template)
        case .list(let columns): .columns(columns)
        }
    }

    private func discriminator(_ given: [String: String], _ path: String) throws -> Discriminator {
        func failure(_ problem: String, hint: String) -> Failure {
            Failure(.configuration, "'\(path).discriminator' in \(file) \(problem)", hint: hint)
        }
        guard given.count == 1, let (field, value) = given.first else {
            throw failure(
                "has \(given.count) fields", hint: "Write one, with its value: discriminator: { kind: customer }.")
        }
        guard !field.isEmpty, field != "_id", !field.hasPrefix("$"), !field.contains("."), !field.utf8.contains(0)
        else {
            throw failure(
                "names field '\(field)', which is no plain name",
                hint: "It is a field at the top of the documents, without dots and dollar signs, and not _id itself.")
        }
        guard (1...100).contains(value.utf8.count) else {
            throw failure(
                "has a value of \(value.utf8.count) bytes", hint: "A value has 1 to 100 bytes: it is in every _id.")
        }
        return Discriminator(field: field, value: value)
    }

    private func columns(_ entry: ConfiguredCollection, _ path: String) throws -> CollectionMapping.ColumnChoice {
        switch (entry.keep, entry.drop) {
        case (nil, nil): return .all
        case (let keep?, nil): return .keep(Set(keep))
        case (nil, let drop?): return .drop(Set(drop))
        case (.some, .some):
            throw Failure(
                .configuration, "'\(path)' in \(file) has both 'keep' and 'drop'",
                hint: "'keep' names the columns to take, 'drop' those to leave out: one of the two.")
        }
    }

    private func masks(_ given: [String: String?], _ words: Words) throws -> [String: Mask] {
        var masks: [String: Mask] = [:]
        for (column, word) in given.sorted(by: { $0.key < $1.key }) {
            switch word ?? "null" {
            case "sha256": masks[column] = .sha256(try requiredSalt(words.path))
            case "last4": masks[column] = .last4
            case "redact": masks[column] = .redact
            case "null": masks[column] = .null
            case let other:
                throw words.unknown(other, "mask.\(column)", ["sha256", "last4", "redact", "null"])
            }
        }
        return masks
    }

    /// Without one, anybody could try every e-mail address; a short one can be tried too.
    private func requiredSalt(_ path: String) throws -> Mask.Salt {
        guard let salt else {
            throw Failure(
                .configuration, "'\(path).mask' in \(file) has sha256, and there is no 'mask_salt'",
                hint: "Put mask_salt: ${WHERRY_MASK_SALT} at the top of the file, and the secret into that variable.")
        }
        guard salt.value.utf8.count >= 16 else {
            throw Failure(
                .configuration, "\(salt.origin) has fewer than 16 bytes",
                hint: "A short salt can be guessed. Make one with: openssl rand -hex 16.")
        }
        return Mask.Salt(salt.value)
    }

    /// Words that stand for something.
    private struct Words {
        let file: String
        let path: String

        func choice<Choice: RawRepresentable & CaseIterable>(
            _ word: String?, _ key: String, default: Choice
        ) throws -> Choice where Choice.RawValue == String {
            guard let word else { return `default` }
            guard let choice = Choice(rawValue: word) else { throw unknown(word, key, Choice.allCases.map(\.rawValue)) }
            return choice
        }

        func choices<Choice: RawRepresentable & CaseIterable>(
            _ words: [String: String]?, _ key: String
        ) throws -> [String: Choice] where Choice.RawValue == String {
            var choices: [String: Choice] = [:]
            for (column, word) in (words ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard let choice = Choice(rawValue: word) else {
                    throw unknown(word, "\(key).\(column)", Choice.allCases.map(\.rawValue))
                }
                choices[column] = choice
            }
            return choices
        }

        func unknown(_ word: String, _ key: String, _ known: [String]) -> Failure {
            Failure(
                .configuration, "'\(path).\(key)' in \(file) is '\(word)'",
                hint: "This version knows: \(known.joined(separator: ", ")).")
        }
    }
}
