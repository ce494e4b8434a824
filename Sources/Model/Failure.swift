/// An error an operator will read: what happened on the first line, what to do in the hint.
///
/// Adapters classify (SQLSTATE, MongoDB code and labels) into a `Kind`; what to do about a kind is decided elsewhere
/// (`RetryPolicy`, `exitCode`). Neither text ever holds a value of a row or a secret.
package struct Failure: Error, Hashable, Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// A defect, or an answer nobody expected.
        case unexpected
        /// The source went away or said "not now": reconnect and go on from the checkpoint.
        case sourceInterrupted = "source_interrupted"
        /// The target went away or said "not now": the same, or repeat the batch.
        case targetInterrupted = "target_interrupted"
        /// A server that has not been reached since the start.
        case unreachable
        /// Slot or pipeline held by someone else.
        case inUse = "in_use"
        /// Another worker has taken the pipeline over while this one was away.
        case fenced
        /// The initial copy can't be finished from its snapshot: start it again.
        case copyInterrupted = "copy_interrupted"
        /// One chunk of a live backfill can't be read now, as its table is locked: read it again after a pause.
        case chunkInterrupted = "chunk_interrupted"
        /// Values have another shape than the catalogue said when it was read: read it again.
        case typeChanged = "type_changed"
        /// Authentication refused, or a privilege missing.
        case denied
        /// Settings of Wherry or of a server.
        case configuration
        /// Wrong command line.
        case usage
        /// Changes are missing: slot lost, slot ahead of the checkpoint, another cluster.
        case dataGap = "data_gap"
        /// A row or document that can't be written.
        case dataRefused = "data_refused"
        /// Source and target differ. Reserved for a verification; nothing gives it yet.
        case differences
    }

    package let kind: Kind
    /// Lower case, complete, no full stop.
    package let message: String
    /// One or two sentences: what it means and the command to run.
    package let hint: String?
    /// Of `.dataRefused`: the one write that the target refuses, where it has said which; without it the others may do.
    package var place: Place?
    /// Of `.dataRefused`: what is to become of the row by what was said of the value; nil where nothing was.
    package var policy: RefusalPolicy?

    /// A write in what the sink was given.
    package struct Place: Hashable, Sendable {
        package let collection: String
        /// In the collection's `writes`.
        package let position: Int

        package init(collection: String, position: Int) {
            self.collection = collection
            self.position = position
        }
    }

    package init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }

    package var exitCode: ExitCode {
        switch kind {
        case .unexpected: .unexpected
        case .sourceInterrupted, .targetInterrupted, .unreachable: .unreachable
        case .inUse, .fenced, .copyInterrupted, .chunkInterrupted: .tryAgain
        case .denied: .denied
        case .configuration, .typeChanged: .configuration
        case .usage: .usage
        case .dataGap: .dataGap
        case .dataRefused: .dataRefused
        case .differences: .differences
        }
    }
}

extension Failure {
    /// The pipeline's epoch is not this worker's any more.
    package static func fenced(_ pipeline: String) -> Failure {
        Failure(
            .fenced, "another worker has taken pipeline \(pipeline) over",
            hint: "Nothing was written by this one since. `wherry status` shows where the active worker runs.")
    }

    /// The end of a hint: what repairs a data gap.
    package static let acceptGap =
        "Documents may differ from the source: `wherry run --accept-gap` makes a new slot and reads every table again "
        + "beside its stream. (Before PostgreSQL 14: `wherry drop`, and run it again for a new copy.)"
}

extension Failure: CustomStringConvertible {
    package var description: String { hint.map { "\(message)\nhint: \($0)" } ?? message }
}
