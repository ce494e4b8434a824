import Model

/// What is done at a token of the stream.
enum Admission: Sendable {
    case chunk(AdmittedChunk)
    /// Somebody is told that all before it is durable.
    case tell(@Sendable () -> Void)
}

/// A chunk as the writer gets it.
struct AdmittedChunk: Sendable {
    let write: ChunkWrite
    let settled: @Sendable (Chunk.Outcome) -> Void
}
