import BSON
import Model

/// From a document back to its row.
extension MappingPlan {
    /// The key's values as PostgreSQL text, in key order: the inverse of the `_id` that `encodeKey` writes. Cast to the
    /// column's type, each equals the value it was made from; a number that MongoDB would find by the key (5.0 where
    /// the key is an integer) counts as that key.
    ///
    /// nil when no row of this table can have this `_id`: a document of somebody else's in an adopted collection. That
    /// is told by its form, which is any string for text, enums and types stored as the server's text, and is not
    /// looked at beyond the characters for times, intervals and addresses. So the server may refuse a text (SQLSTATE
    /// class 22, or 23 from a domain), and a caller that reads many keys at once has to expect that of each.
    ///
    /// Cast without a type modifier, by the name that `format_type(oid, -1)` gives. The plain words mean less: a cast
    /// to
    /// `character` or `bit` keeps one character, and one to `varchar(3)` cuts in silence. The session must be a pinned
    /// one (`DateStyle` ISO, `IntervalStyle` iso_8601). Before PostgreSQL 15 `"char"` takes no byte above 127 as text.
    package func keyText(of id: BSONValue) -> [String]? {
        if let template { return id.asString.flatMap { valueTexts(of: $0, by: template) } }
        guard isWrapped else { return codec(of: key[0]).keyText(of: id).map { [$0] } }
        guard var fields = id.asDocument?.elements[...] else { return nil }
        if let constant = part.discriminator {
            guard let first = fields.popFirst(), first.name.utf8.elementsEqual(constant.field.utf8),
                let value = first.value.asString, value.utf8.elementsEqual(constant.value.utf8)
            else { return nil }
        }
        guard fields.count == key.count else { return nil }
        var texts: [String] = []
        for (field, column) in zip(fields, key) {
            // By bytes: Swift takes differently composed characters for equal, the databases don't.
            guard field.name.utf8.elementsEqual(name(of: column).utf8),
                let text = codec(of: column).keyText(of: field.value)
            else { return nil }
            texts.append(text)
        }
        return inKeyOrder(texts)
    }

    private func valueTexts(of id: String, by template: KeyTemplate) -> [String]? {
        guard let parts = template.texts(of: id) else { return nil }
        let texts = zip(parts, key).compactMap { KeyTemplate.keyText(of: $0, codec(of: $1)) }
        return texts.count == key.count ? inKeyOrder(texts) : nil
    }

    /// From the order of `_id` to that of the key.
    private func inKeyOrder(_ texts: [String]) -> [String] { keyOrder.map { texts[$0] } }

    func name(of field: PlannedField) -> String {
        let bytes = UnsafeRawBufferPointer(start: heads.base + field.headOffset + 1, count: field.headCount - 2)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension MappingPlan {
    /// A row that has these values of its key, and no others: what `encodeKey` makes a row's own `_id` of, where
    /// `keyText` came from one that only equals it.
    package func row(ofKey texts: [String]) -> Row {
        var bytes: [UInt8] = []
        var fields = schema.columns.map { _ in Field(kind: .null) }
        for (position, text) in zip(keyOrder, texts) {
            fields[key[position].index] = Field(
                kind: .text, offset: UInt32(bytes.count), count: UInt32(text.utf8.count))
            bytes += text.utf8
        }
        return Row(block: ByteBlock(copying: bytes), fields: fields)
    }
}

extension ValueCodec {
    /// The text of one value of a key; nil when the codec never writes such a value into one.
    func keyText(of value: BSONValue) -> String? {
        switch self {
        case .scalar(let scalar): scalar.keyText(of: value)
        case .composite(let attributes): compositeText(value, attributes)
        case .range(let bound, let isBuiltIn): rangeText(value, bound, hasOneForm: isBuiltIn)
        // Never in a key (`forKey`).
        case .array, .multirange, .refined: nil
        }
    }

    private func compositeText(_ value: BSONValue, _ attributes: [Attribute]) -> String? {
        guard let fields = value.asDocument?.elements, fields.count == attributes.count else { return nil }
        var texts: [String] = []
        for (field, attribute) in zip(fields, attributes) {
            guard field.name.utf8.elementsEqual(attribute.name.bytes.dropLast()),
                let text = partText(field.value, attribute.codec)
            else { return nil }
            texts.append(text)
        }
        return "(\(texts.joined(separator: ",")))"
    }

    private func rangeText(_ value: BSONValue, _ bound: ValueCodec, hasOneForm: Bool) -> String? {
        guard let fields = value.asDocument?.elements, fields.map(\.name) == ["lower", "upper", "bounds"],
            let bounds = fields[2].value.asString
        else { return nil }
        if bounds == "empty" { return fields[0].value.isNull && fields[1].value.isNull ? bounds : nil }
        guard ["[]", "[)", "(]", "()"].contains(bounds), let lower = partText(fields[0].value, bound),
            let upper = partText(fields[1].value, bound)
        else { return nil }
        // The server writes no others: nothing is included where there is no bound, and whole numbers and days have
        // the one form.
        let (includesLower, includesUpper) = (bounds.hasPrefix("["), bounds.hasSuffix("]"))
        if includesLower && lower.isEmpty || includesUpper && upper.isEmpty { return nil }
        if hasOneForm, [.scalar(.int4), .scalar(.int8), .scalar(.date)].contains(bound) {
            let isFinite = fields[0].value.asString == nil && fields[1].value.asString == nil
            if isFinite, includesUpper || !includesLower && !lower.isEmpty { return nil }
        }
        return "\(bounds.prefix(1))\(lower),\(upper)\(bounds.suffix(1))"
    }

    /// In quotes, with what they need; nothing for null.
    private func partText(_ value: BSONValue, _ codec: ValueCodec) -> String? {
        if value.isNull { return "" }
        return codec.keyText(of: value).map { text in
            var quoted = "\""
            for scalar in text.unicodeScalars {
                if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append(scalar) }
                quoted.unicodeScalars.append(scalar)
            }
            return quoted + "\""
        }
    }
}
