import Mapping
import Model

extension [TableState] {
    /// Whether a further collection of the table is to be told from its first.
    package func hasFirst(of table: TableName) -> Bool { contains { $0.route == Route(table) } }
}

extension TableState {
    /// A table that is new to a pipeline.
    ///
    /// - Parameters:
    ///   - shape: its columns; nil leaves them to the next start.
    ///   - isFurther: it has another collection already.
    ///   - occupied: what holds documents already.
    /// - Throws: `Failure(.configuration)` when its key can't be an `_id`, or its guard is of no use.
    package init(
        new table: SourceTable, shape: TableShape?, part: CollectionPart, isFurther: Bool, rules: MappingRules,
        occupied: Set<CollectionPart>
    ) throws {
        let name = table.schema.name
        let settings = rules.settings(of: name, into: part.collection)
        let mapping = settings?.mapping ?? rules.standard
        let plan = try MappingPlan(
            schema: table.schema, collection: part.collection, keyColumns: table.primaryKey,
            lastModified: settings?.lastModified, mapping: mapping)
        // Where an application may write at any moment not everything is Wherry's own, even if nothing is there yet.
        self.init(
            table: name, collection: plan.collection, isFurther: isFurther, discriminator: mapping.discriminator,
            keyColumns: table.primaryKey, keyForms: plan.keyForms, mapping: mapping.fingerprint,
            wasEmpty: !occupied.contains(plan.part) && plan.lastModified == nil)
        self.shape = shape
    }
}
