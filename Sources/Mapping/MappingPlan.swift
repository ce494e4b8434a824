import BSON
import Model

/// How the rows of one version of one table become documents: checked once, then only executed.
///
/// The document is `{_id: …, field: …, …}`: the columns in the table's order without those of the key, which are the
/// `_id`, and behind them what is computed. A plan is a value without caches; any number of threads may encode with it,
/// each into a writer of its own. A class: of a struct with as many references each copy costs a count of every one.
package final class MappingPlan: Sendable {
    package let schema: TableSchema
    /// Where the documents are.
    package let part: CollectionPart
    /// Whether a field's name holds a dot or starts with `$`: MongoDB would read it as a path or an operator in `$set`,
    /// so it has to be written with `$setField`.
    package let needsSetField: Bool
    /// The guard against writes of an application; nil when the table has none.
    package let lastModified: LastModified?
    let mapping: CollectionMapping
    /// As steps that write a document's elements.
    let key: [PlannedField]
    /// Where in `key` the columns are that were given, in their order.
    let keyOrder: [Int]
    let isWrapped: Bool
    /// What `_id` begins with; nil without a discriminator.
    let keyConstant: PlannedField?
    /// The key's columns with values that a policy refuses. A key as such is never refused: whatever is held back has one.
    let keyRefusals: [(index: Int, codec: ValueCodec)]
    /// nil where `_id` is no text made of several values.
    let template: KeyTemplate?
    let body: [PlannedField]
    /// What the steps of kind `computed` write.
    let computed: [ComputedValue]
    /// True of the rows that become documents; nil for all.
    let filter: BoundExpression?
    /// Whether a part of a row is written in the shape of the whole (`PartialDocument`).
    let isStructured: Bool
    let omitsNulls: Bool
    /// Whether there can be rows that the stream sends and that make no document as they were sent (`needsReread`).
    package let mayReadAgain: Bool
    /// The field of the guard's column.
    private let guardField: String?
    /// The codecs that have parts.
    let structures: [ValueCodec]
    /// The heads of all elements: room for the type, name, zero byte. Kept outside of Swift's arrays so that encoding
    /// needs no closure for each column.
    let heads: ByteBlock

    /// Bytes of BSON that MongoDB takes as one document (MongoDB limits: 16 mebibytes).
    package static let maximumDocumentSize = 16 * 1024 * 1024

    /// `keyColumns` are names, in key order. Throws a `Failure` of kind `.configuration` when they are not columns of
    /// the table, lie outside its replica identity (a change of the key would not be seen), have a type that can't be an
    /// `_id`, when the mapping asks for what the table can't give, or when the column of `lastModified` is of no use.
    package init(
        schema: TableSchema, collection: String, keyColumns: [String], lastModified: LastModified? = nil,
        mapping: CollectionMapping = CollectionMapping()
    ) throws(Failure) {
        try lastModified?.check(schema, keyColumns: keyColumns)
        self.lastModified = lastModified
        self.schema = schema
        part = CollectionPart(collection, mapping.discriminator)
        self.mapping = mapping
        let check = MappingCheck(schema: schema, collection: collection, keyColumns: keyColumns, mapping: mapping)
        let keys = try KeyCheck(schema: schema, keyColumns: try check.orderedKey()).keys()
        keyRefusals = keys.compactMap { key in
            check.refusingCodec(ofKey: schema.columns[key.index]).map { (key.index, $0) }
        }
        keyOrder = keyColumns.compactMap { name in keys.firstIndex { schema.columns[$0.index].name == name } }
        let tree = try check.fields()
        var builder = FieldBuilder(schema: schema)
        var keyTree = FieldTree()
        try check.addKey(keys.map(\.index), to: &keyTree)
        try builder.add(keyTree.fields, codecs: Dictionary(keys.map { ($0.index, $0.codec) }) { first, _ in first })
        let keyCount = builder.steps.count
        var codecs: [Int: ValueCodec] = [:]
        for (index, column) in schema.columns.enumerated() { codecs[index] = try check.codec(of: column) }
        try builder.add(tree.fields, codecs: codecs)
        keyConstant = builder.steps.first.flatMap { $0.kind == .constant ? $0 : nil }
        key = Array(builder.steps[..<keyCount].drop { $0.kind == .constant })
        body = builder.steps[keyCount...].map { step in
            var step = step
            if step.kind == .open { step.index -= keyCount }
            return step
        }
        structures = builder.structures
        isWrapped = check.wrapsKey
        template = try check.template(of: keys)
        computed = try check.computed(besides: Set(keys.map(\.index)))
        filter = try check.filter()
        mayReadAgain =
            mapping.lacksColumns || filter != nil
            || computed.contains { value in
                !value.columns.isEmpty
                    || value.expression.columns.contains { MappingPlan.mayBeUnsent(schema.columns[$0].type) }
            }
        isStructured = mapping.isStructured
        omitsNulls = mapping.nulls == .omit
        needsSetField = tree.fields.contains { $0.name.hasPrefix("$") || $0.name.utf8.contains(0x2E) }
        guardField = try lastModified.map { (guarding) throws(Failure) in try check.guardField(guarding) }
        heads = ByteBlock(copying: builder.heads)
    }

    package var collection: String { part.collection }

    /// What the key's values are in BSON, in key order: `number`, `text`, or the name of a codec of its own; before them
    /// the discriminator. MongoDB finds a document by a number of any type, but by nothing else of another type.
    package var keyForms: [String] {
        if let template { return [template.form] }
        let isPlain = keyOrder == Array(key.indices) && isWrapped == (key.count > 1)
        let constant = part.discriminator.map { ["\($0.field)='\($0.value)'"] } ?? []
        return constant
            + key.map { field in
                let (own, name) = (codec(of: field).keyForm, name(of: field))
                return isPlain && name == schema.columns[field.index].name ? own : "\(name):\(own)"
            }
    }

    func codec(of field: PlannedField) -> ValueCodec {
        field.scalar.map { .scalar($0) } ?? structures[field.structure]
    }

    /// The field that guards documents against rows of a backfill; nil when nothing does.
    package var backfillGuard: String? { guardField }

    /// The field that guards documents against the stream too.
    package var streamGuard: String? { lastModified.flatMap { $0.isDualWritten ? guardField : nil } }

    /// Whether a column of this type may be sent in binary. If one of a pipeline's columns may not, a COPY casts it to
    /// text, and the stream has to use text for all.
    package static func hasBinaryCodec(_ type: PostgresType) -> Bool { ValueCodec(type).hasBinary }
}
