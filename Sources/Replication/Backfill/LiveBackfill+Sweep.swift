import BSON
import Logging
import Mapping
import Model

/// The removal of documents whose rows are gone, once every row is read.
///
/// The keys that are there are asked about in parts, each under a snapshot of its own, and what has no row is deleted
/// in its turn in the stream like a chunk: a key that a transaction has touched which the snapshot does not see is left
/// out.
extension LiveBackfill {
    /// Documents that are looked at in one go.
    static let sweepCount = 1000

    func removeGone() async throws {
        let unswept = board.unswept
        guard !unswept.isEmpty else { return }
        let probe = try await source.openKeyProbe()
        do {
            for state in unswept { try await giveUpOnRefusal(of: state.route) { try await sweep(state, with: probe) } }
        } catch {
            await probe.close()
            throw error
        }
        await probe.close()
    }

    private func sweep(_ state: BackfillState, with probe: any KeyProbe) async throws {
        guard let table = tables[state.route], var sweep = state.sweep else { return }
        while !sweep.isDone {
            let keys = try await target.keys(
                of: table.plan.part, after: sweep.position, limit: LiveBackfill.sweepCount)
            let position = sweep.position
            let done = try await patiently(.sweep) {
                try await remove(keys, of: table, begun: state.startedAt, after: position, with: probe)
            }
            guard let (step, removed) = done else { continue }
            sweep.advance(by: step, removed: removed)
            board.swept(step, removed: removed)
            publish()
        }
        logger.info(
            "documents without a row removed",
            metadata: [
                "table": "\(state.route)", "removed": "\(sweep.removed)", "left_alone": "\(sweep.foreign)",
            ])
    }

    /// - Returns: nil when the part has to be looked at again.
    private func remove(
        _ keys: [BSONDocument], of table: BackfillTable, begun: SourceTime, after position: BSONDocument?,
        with probe: any KeyProbe
    ) async throws -> (SweepStep, removed: Int)? {
        gate.charge(keys.count - (try await gate.pass(max(1, keys.count))))
        let token = try await announce()
        do {
            let own = table.keyTexts(of: keys)
            let found = try await probe.missing(
                table.version, key: table.key, keys: own.map(\.text), where: table.condition)
            guard inbox.note(found.snapshot, for: token) else { return nil }
            let deletes = table.documents()
            deletes.isSweep = true
            for place in found.missing { try table.appendDelete(of: own[place].text, begun: begun, to: deletes) }
            let step = SweepStep(
                route: table.route, position: keys.last ?? position,
                isDone: keys.count < LiveBackfill.sweepCount,
                foreign: keys.count - own.count + found.refused.count)
            let outcome = try await answer(at: token) { settled in
                .chunk(
                    Chunk(
                        documents: deletes, snapshot: found.snapshot, progress: nil, sweep: step, rereads: [],
                        settled: settled))
            }
            if case .refused(let failure) = outcome { throw refusal(failure, of: table.route) }
            guard case .written(let again, let removed) = outcome else { return nil }
            rereads.add(again)
            return (step, removed)
        } catch {
            inbox.withdraw(token)
            throw error
        }
    }
}
