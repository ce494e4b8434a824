import Mapping
import Model

extension TableState {
    /// A table that is new to a pipeline.
    ///
    /// - Parameters:
    ///   - shape: its columns; nil leaves them to the next start.
    ///   - occupied: what holds documents already.
    /// - Throws: `Failure(.configuration)` when its key can't be an `_id`, or its guard is of no use.
    package init(
        new table: SourceTable, shape: TableShape?, collection: String, rules: MappingRules,
        occupied: Set<CollectionPart>
    ) throws {
        let (name, mapping) = (table.schema.name, rules.mapping(of: table.schema.name))
        let plan = try MappingPlan(
            schema: table.schema, collection: collection, keyColumns: table.primaryKey,
            lastModified: rules.lastModified(of: name), mapping: mapping)
        // Where an application may write at any moment not everything is Wherry's own, even if nothing is there yet.
        self.init(
            table: name, collection: plan.collection, discriminator: mapping.discriminator,
            keyColumns: table.primaryKey, keyForms: plan.keyForms, mapping: mapping.fingerprint,
            wasEmpty: !occupied.contains(plan.part) && plan.lastModified == nil)
        self.shape = shape
    }
}
