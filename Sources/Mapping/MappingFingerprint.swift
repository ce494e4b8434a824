import Model

extension CollectionMapping {
    /// The same text for mappings that make the same documents, and another one for any other: 64 hexadecimal digits. The salt of a mask is
    /// in it as a part of one digest, and can't be read from it.
    package var fingerprint: String {
        var words = ["1", "\(id)", "\(fieldCase)", "\(nulls)", filter ?? ""]
        switch columns {
        case .all: words.append("all")
        case .keep(let names): words += ["keep"] + names.sorted()
        case .drop(let names): words += ["drop"] + names.sorted()
        }
        words.append("rename")
        for (column, path) in rename.sorted(by: { $0.key < $1.key }) { words += [column, path] }
        words.append("type")
        for (column, type) in types.sorted(by: { $0.key < $1.key }) { words += [column, type.rawValue] }
        words.append("mask")
        for (column, mask) in masks.sorted(by: { $0.key < $1.key }) {
            words += [column, mask.name]
            if case .sha256(let salt) = mask { words.append(sha256(salt.bytes)) }
        }
        words.append("compute")
        for field in computed { words += [field.path, field.expression] }
        words += policies.forms
        for column in columnPolicies.keys.sorted() {
            let own = policies(of: column).forms
            if own != policies.forms { words += [column] + own }
        }
        if let discriminator { words += ["discriminator", discriminator.field, discriminator.value] }
        // No two lists make one text: each word is preceded by its length.
        return sha256(Array(words.map { "\($0.utf8.count):\($0)" }.joined().utf8))
    }
}

extension ValuePolicies {
    /// What documents show of them: of a value that is none of a document they don't, whether it stops the pipeline or
    /// holds its row back.
    fileprivate var forms: [String] {
        func form(_ policy: Overflow) -> String { policy == .string ? "string" : "fail" }
        return [form(numericOverflow), timestamp.rawValue, form(outOfRange)]
            + (unknownType == .string ? [] : ["unknown_type"])
    }
}

extension Mask {
    fileprivate var name: String {
        switch self {
        case .sha256: "sha256"
        case .last4: "last4"
        case .redact: "redact"
        case .null: "null"
        }
    }
}
