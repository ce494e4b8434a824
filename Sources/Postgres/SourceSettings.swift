import Model

/// What a source needs to know.
package struct SourceSettings: Sendable {
    /// A URI or libpq's `key=value` pairs; may hold a password. For messages there is `ConnectionTarget.safeURI`.
    package var uri: String
    package var pipeline: String
    package var slot: String
    package var publication: String
    /// What decodes at the end of the slot. The publication says which tables it sends, whether it knows publications
    /// or not.
    package var plugin: OutputPlugin
    /// Whether the worker's connection is one for replication. A copy without a slot needs none, and no right to it.
    package var usesReplication: Bool
    /// Ask for binary values where the server offers them (14+) and every column has a codec for them.
    package var binary: Bool
    /// Whether rows' values of a type can be decoded from binary. Columns of other types are copied as text, and when a
    /// published table has one the whole stream is text.
    package var hasBinaryCodec: @Sendable (PostgresType) -> Bool

    package init(
        uri: String, pipeline: String, slot: String, publication: String, plugin: OutputPlugin = .pgoutput,
        usesReplication: Bool = true, binary: Bool = true,
        hasBinaryCodec: @escaping @Sendable (PostgresType) -> Bool
    ) {
        self.uri = uri
        self.pipeline = pipeline
        self.slot = slot
        self.publication = publication
        self.plugin = plugin
        self.usesReplication = usesReplication
        self.binary = binary
        self.hasBinaryCodec = hasBinaryCodec
    }
}
