import BSON
import Model

/// How the rows of one version of one table become documents: checked once, then only executed.
///
/// The document is `{_id: …, column: …, …}`: the columns in the table's order without those of the key, which are the
/// `_id`: bare when there is one, a document in key order when there are several. A plan is a value without caches; any
/// number of threads may encode with it, each into a writer of its own.
package struct MappingPlan: Sendable {
    package let schema: TableSchema
    package let collection: String
    /// The key's columns in key order, as indices into `schema.columns`.
    package let keyIndices: [Int]
    /// Whether a field's name holds a dot or starts with `$`: MongoDB would read it as a path or an operator in `$set`,
    /// so it has to be written with `$setField`.
    package let needsSetField: Bool
    /// The guard against writes of an application; nil when the table has none.
    package let lastModified: LastModified?
    /// Columns that more than their own field is made of, as indices into `schema.columns`: a row that was sent without
    /// one of them has to be read again.
    package let rereadColumns: Set<Int>

    let key: [PlannedColumn]
    let body: [PlannedColumn]
    /// The codecs that have parts.
    let structures: [ValueCodec]
    /// The heads of all elements: room for the type, name, zero byte. Kept outside of Swift's arrays so that encoding
    /// needs no closure for each column.
    let heads: ByteBlock

    /// Bytes of BSON that MongoDB takes as one document (MongoDB limits: 16 mebibytes).
    package static let maximumDocumentSize = 16 * 1024 * 1024

    /// `keyColumns` are names, in key order. Throws a `Failure` of kind `.configuration` when they are not columns of
    /// the table, lie outside its replica identity (a change of the key would not be seen), have a type that can't be an
    /// `_id`, when another column is called `_id`, or when the column of `lastModified` is of no use.
    package init(
        schema: TableSchema, collection: String, keyColumns: [String], lastModified: LastModified? = nil,
        rereadColumns: Set<Int> = []
    ) throws(Failure) {
        try lastModified?.check(schema, keyColumns: keyColumns)
        self.lastModified = lastModified
        self.rereadColumns = rereadColumns
        self.schema = schema
        self.collection = collection
        let check = KeyCheck(schema: schema, keyColumns: keyColumns)
        let keys = try check.keys()
        keyIndices = keys.map(\.index)
        var builder = ColumnBuilder(schema: schema)
        for (index, codec) in keys { try builder.add(index, codec) }
        let others = schema.columns.indices.filter { index in !keys.contains { $0.index == index } }
        for index in others { try builder.add(index, ValueCodec(schema.columns[index].type)) }
        key = Array(builder.columns[..<keys.count])
        body = Array(builder.columns[keys.count...])
        structures = builder.structures
        needsSetField = others.contains { index in
            schema.columns[index].name.hasPrefix("$") || schema.columns[index].name.utf8.contains(0x2E)
        }
        heads = ByteBlock(copying: builder.heads)
    }

    /// What the key's values are in BSON, in key order: `number`, `text`, or the name of a codec of its own. MongoDB
    /// finds a document by a number of any type, but by nothing else of another type.
    package var keyForms: [String] { key.map { codec(of: $0).keyForm } }

    func codec(of column: PlannedColumn) -> ValueCodec {
        column.scalar.map { .scalar($0) } ?? structures[column.structure]
    }

    /// The field that guards documents against rows of a backfill; nil when nothing does.
    package var backfillGuard: String? { lastModified?.column }

    /// The field that guards documents against the stream too.
    package var streamGuard: String? { lastModified.flatMap { $0.isDualWritten ? $0.column : nil } }

    /// Whether a column of this type may be sent in binary. If one of a pipeline's columns may not, a COPY casts it to
    /// text, and the stream has to use text for all.
    package static func hasBinaryCodec(_ type: PostgresType) -> Bool { ValueCodec(type).hasBinary }
}

/// Lays the columns of a plan out: the heads of their elements one behind the other, that of `_id` first.
private struct ColumnBuilder {
    let schema: TableSchema
    var columns: [PlannedColumn] = []
    var structures: [ValueCodec] = []
    var heads: [UInt8] = [0] + BSONName.id.bytes

    init(schema: TableSchema) { self.schema = schema }

    mutating func add(_ index: Int, _ codec: ValueCodec) throws(Failure) {
        guard let name = try? BSONName(schema.columns[index].name) else {
            throw Failure(.unexpected, "a column of \(schema.name) has a name with a NUL character")
        }
        var scalar: ScalarCodec?
        if case .scalar(let single) = codec { scalar = single } else { structures.append(codec) }
        columns.append(
            PlannedColumn(
                index: index, scalar: scalar, structure: structures.count - 1, headOffset: heads.count,
                headCount: name.bytes.count + 1))
        heads += [0] + name.bytes
    }
}
