/// Makes the indexes of collections.
package protocol IndexTarget: Sendable {
    /// Those of `indexes` that a collection doesn't have by name.
    ///
    /// - Throws: `Failure`.
    func missing(_ indexes: [CollectionIndex], of collection: String) async throws -> [CollectionIndex]

    /// Makes one; returns when it is of use. One that is being made already is waited for, one that is there is fine.
    ///
    /// Cancelled it returns at once, and the target goes on: whoever asks for the same one again gets the outcome of
    /// that build.
    ///
    /// - Parameter omitsNulls: whether a NULL of the source is no field in these documents.
    /// - Throws: `CancellationError`; `Failure`: `.dataRefused` when documents have the same values where none may;
    ///   `.configuration` for one that MongoDB doesn't make, or that somebody has ended there; `.targetInterrupted`,
    ///   `.unreachable`.
    func build(_ index: CollectionIndex, of collection: String, omitsNulls: Bool) async throws

    /// How far the one that is being made is, from 0 to 1; nil where the server doesn't say.
    func share(of index: CollectionIndex, in collection: String) async -> Double?
}
