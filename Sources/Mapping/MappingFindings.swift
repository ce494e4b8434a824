import Model

/// What there is to say of how one table's rows become documents: never a reason to refuse a start. Pure.
package struct MappingFindings: Sendable {
    private let plan: MappingPlan
    private let mapping: CollectionMapping
    /// Of the body, in the table's order.
    private let columns: [(name: String, limits: ValueLimits)]
    /// Of the key.
    private let keys: [(name: String, limits: ValueLimits)]

    /// - Parameters:
    ///   - mapping: the one the plan was made of.
    ///   - modifiers: by column, `pg_attribute.atttypmod`, or that of the domain it is of; where there is none, the type
    ///     is taken to hold all it can.
    package init(_ plan: MappingPlan, of mapping: CollectionMapping, modifiers: [String: Int32]) {
        self.plan = plan
        self.mapping = mapping
        columns = plan.body.filter { $0.kind == .column }.sorted { $0.index < $1.index }.map { field in
            let name = plan.schema.columns[field.index].name
            return (name, plan.codec(of: field).limits(modifier: modifiers[name] ?? -1))
        }
        // `_id` holds them as text, whatever they are: there is something to say only where they are refused.
        keys = plan.keyRefusals.map { index, codec in
            let name = plan.schema.columns[index].name
            return (name, codec.limits(modifier: modifiers[name] ?? -1))
        }
    }

    /// All of severity info.
    package var all: [Finding] {
        plan.typeFindings + [misfits].compactMap { $0 } + numerics + timestamps + infinities
            + unknownTypes + [wayBack, filter].compactMap { $0 }
    }

    /// Columns with numerics that Decimal128 may not hold, if nothing but their type says what becomes of them.
    package var wideNumerics: [String] { names(.digits).filter { mapping.types[$0] == nil } }

    /// Columns with timestamps that a date cuts to milliseconds.
    package var cutTimestamps: [String] { names(.microseconds) }

    /// Whether different values of the column may become one.
    package func mayMerge(_ column: String) -> Bool {
        switch mapping.masks[column] {
        case .sha256: false
        case .last4, .redact, .null: true
        case nil: (cutTimestamps + names(.rounding)).contains(column)
        }
    }

    // MARK: - Values

    private func names(_ limits: ValueLimits, in columns: [(name: String, limits: ValueLimits)]? = nil) -> [String] {
        (columns ?? self.columns).filter { $0.limits.isSuperset(of: limits) }.map(\.name)
    }

    private func finding(_ code: String, _ message: String) -> Finding {
        Finding(.info, code, subject: plan.schema.name.description, message)
    }

    /// One for each policy that columns have. The policies are as they stand in the file.
    private func values<Policy: RawRepresentable<String> & Hashable & CaseIterable>(
        _ code: String, _ columns: [String], by policy: KeyPath<ValuePolicies, Policy>, _ message: (Policy) -> String
    ) -> [Finding] {
        let columns = Dictionary(grouping: columns) { mapping.policies(of: $0)[keyPath: policy] }
        return Policy.allCases.compactMap { policy in
            columns[policy].map {
                finding(code, "\(message(policy)) in \($0.listed) (\(code): \(policy.rawValue))")
            }
        }
    }

    /// Of the columns that are given another type.
    private var misfits: Finding? {
        let columns = columns.filter { name, limits in
            mapping.types[name] != nil && !limits.isDisjoint(with: [.digits, .misfits])
        }.map(\.name)
        guard !columns.isEmpty else { return nil }
        let types = columns.map { "\($0) (\(mapping.types[$0]?.rawValue ?? ""))" }
        return finding("type", "a value that doesn't fit the 'type' asked for is refused in \(types.listed)")
    }

    private var numerics: [Finding] {
        let keys = names(.digits, in: keys).filter { mapping.policies(of: $0).numericOverflow != .string }
        return values("numeric_overflow", keys + wideNumerics, by: \.numericOverflow) {
            "a number of more than 34 digits \(becomes($0))"
        }
    }

    private var timestamps: [Finding] {
        let cut = Set(cutTimestamps)
        let names = names(.moments).filter { name in
            mapping.types[name] == nil && (mapping.policies(of: name).timestamp != .date || cut.contains(name))
        }
        return values("timestamp", names, by: \.timestamp) { policy in
            switch policy {
            case .date: "timestamps are cut to milliseconds"
            case .int64Micros: "timestamps are whole numbers of microseconds"
            case .iso: "timestamps are ISO 8601 text"
            }
        }
    }

    private var infinities: [Finding] {
        let keys = names(.infinity, in: keys).filter { mapping.policies(of: $0).outOfRange != .string }
        return values("out_of_range", keys + names(.infinity), by: \.outOfRange) { "infinity \(becomes($0))" }
    }

    private var unknownTypes: [Finding] {
        values("unknown_type", names(.unknown, in: keys) + names(.unknown), by: \.unknownType) {
            "a value of a type that Wherry doesn't know \(becomes($0))"
        }
    }

    private func becomes(_ policy: ValuePolicies.Overflow) -> String {
        switch policy {
        case .string: "becomes text"
        case .fail: "stops the pipeline"
        case .deadLetter: "holds its row back"
        }
    }

    // MARK: - Rows

    /// What stands against making rows of the documents again. A computed field doesn't: it is only derived.
    private var wayBack: Finding? {
        let masked = columns.map(\.name).filter { mapping.masks[$0] != nil }
        let leftOut = plan.schema.columns.enumerated().filter { index, column in
            mapping.leavesOut(column.name) && !plan.key.contains { $0.index == index }
        }.map(\.element.name)
        let gone = [
            masked.isEmpty ? nil : "masked: \(masked.listed)", leftOut.isEmpty ? nil : "left out: \(leftOut.listed)",
            plan.filter == nil ? nil : "rows for which 'where' is not true",
        ].compactMap { $0 }
        let (rounded, cut, json, arrays) = (names(.rounding), cutTimestamps, names(.json), names(.bounds))
        let lost = [
            rounded.isEmpty ? nil : "rounded to double: \(rounded.listed)",
            cut.isEmpty ? nil : "cut to milliseconds: \(cut.listed)",
            json.isEmpty ? nil : "null of JSON as NULL, its numbers of more than 34 digits as text: \(json.listed)",
            arrays.isEmpty ? nil : "arrays as if they began at 1: \(arrays.listed)",
        ].compactMap { $0 }
        guard !gone.isEmpty || !lost.isEmpty else { return nil }
        let outcome = gone.isEmpty ? "give its rows back only with losses" : "don't give its rows back"
        return finding(
            "way_back", "the documents of \(plan.collection) \(outcome) (\((gone + lost).joined(separator: "; ")))")
    }

    private var filter: Finding? {
        guard let filter = plan.filter else { return nil }
        let outside = filter.columns.map { plan.schema.columns[$0] }.filter { !$0.isIdentity }.map(\.name)
        guard !outside.isEmpty else { return nil }
        return finding(
            "where_outside_identity",
            "'where' of collection \(plan.collection) asks for \(outside.listed), not in the table's replica identity: "
                + "rows that leave are found all the same, by their new values; but no row filter of a publication can do "
                + "it, and a row that is sent in part, without an unchanged large value, is read again")
    }
}
