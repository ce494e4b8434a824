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

    let key: [PlannedColumn]
    let body: [PlannedColumn]
    /// The heads of all elements: room for the type, name, zero byte. Kept outside of Swift's arrays so that encoding
    /// needs no closure for each column.
    let heads: ByteBlock

    /// Bytes of BSON that MongoDB takes as one document (MongoDB limits: 16 mebibytes).
    package static let maximumDocumentSize = 16 * 1024 * 1024

    /// `keyColumns` are names, in key order. Throws a `Failure` of kind `.configuration` when they are not columns of
    /// the table, lie outside its replica identity (a change of the key would not be seen), have a type that can't be an
    /// `_id`, when another column is called `_id`, or when the column of `lastModified` is of no use.
    package init(
        schema: TableSchema, collection: String, keyColumns: [String], lastModified: LastModified? = nil
    ) throws(Failure) {
        try lastModified?.check(schema, keyColumns: keyColumns)
        self.lastModified = lastModified
        self.schema = schema
        self.collection = collection
        let check = KeyCheck(schema: schema, keyColumns: keyColumns)
        let keys = try check.keys()
        keyIndices = keys.map(\.index)
        var heads = HeadBuilder()
        key = try MappingPlan.planned(keys.map { ($0.index, $0.codec, schema.columns[$0.index].name) }, &heads, schema)
        let others = schema.columns.indices.filter { index in !keys.contains { $0.index == index } }
        body = try MappingPlan.planned(
            others.map { ($0, Codec(schema.columns[$0].type), schema.columns[$0].name) }, &heads, schema)
        needsSetField = others.contains { index in
            schema.columns[index].name.hasPrefix("$") || schema.columns[index].name.utf8.contains(0x2E)
        }
        self.heads = ByteBlock(copying: heads.bytes)
    }

    /// What the key's values are in BSON, in key order: `number`, `text`, or the name of a codec of its own. MongoDB
    /// finds a document by a number of any type, but by nothing else of another type.
    package var keyForms: [String] { key.map(\.codec.scalar.keyForm) }

    /// The field that guards documents against rows of a backfill; nil when nothing does.
    package var backfillGuard: String? { lastModified?.column }

    /// The field that guards documents against the stream too.
    package var streamGuard: String? { lastModified.flatMap { $0.isDualWritten ? $0.column : nil } }

    /// Whether a column of this type may be sent in binary. If one of a pipeline's columns may not, a COPY casts it to
    /// text, and the stream has to use text for all.
    package static func hasBinaryCodec(_ type: PostgresType) -> Bool { Codec(type).hasBinary }

    private static func planned(
        _ columns: [(index: Int, codec: Codec, name: String)], _ heads: inout HeadBuilder, _ schema: TableSchema
    ) throws(Failure) -> [PlannedColumn] {
        var planned: [PlannedColumn] = []
        for column in columns {
            guard let name = try? BSONName(column.name) else {
                throw Failure(.unexpected, "a column of \(schema.name) has a name with a NUL character")
            }
            let offset = heads.append(name)
            planned.append(
                PlannedColumn(
                    index: column.index, codec: column.codec, headOffset: offset,
                    headCount: heads.bytes.count - offset))
        }
        return planned
    }
}

/// Lays the heads of a plan's elements one behind the other; the first is always that of `_id`.
private struct HeadBuilder {
    var bytes: [UInt8] = [0] + BSONName.id.bytes

    /// Where the head begins.
    mutating func append(_ name: BSONName) -> Int {
        let offset = bytes.count
        bytes.append(0)
        bytes += name.bytes
        return offset
    }
}
