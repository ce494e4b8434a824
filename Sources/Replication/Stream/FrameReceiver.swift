import Model

/// Reads the replication socket into the queue and tells the server how far the target is, on time, however slow the
/// target may be: a queue that nobody empties stops the reading, never the telling.
struct FrameReceiver {
    let stream: any ChangeStream
    let queue: FrameQueue
    let positions: StreamPositions
    let progress: Progress
    /// Whether the writer has nothing to do, so that every change is wanted as soon as it comes.
    var isWanted: @Sendable () -> Bool = { true }

    /// Bytes read at once: enough to keep the decoder busy meanwhile.
    private static let readSize = 256 * 1024

    /// Runs until cancelled. Throws what the stream throws.
    func run() async throws {
        let clock = ContinuousClock()
        var statusDue = clock.now
        while !Task.isCancelled {
            if clock.now >= statusDue {
                try await sendStatus()
                statusDue = clock.now + stream.statusInterval
                // The preparer may have a position to write down, and no frame will tell it.
                queue.poke()
            }
            guard queue.isEmpty else {
                await queue.waitUntilEmpty(until: statusDue)
                continue
            }
            let frames = try await stream.receive(
                maxBytes: FrameReceiver.readSize, isPatient: !isWanted(), until: statusDue)
            for frame in frames {
                switch frame {
                case .data(_, let end): positions.receive(end)
                case .keepalive(let position, let replyRequested):
                    positions.receive(position)
                    if replyRequested { statusDue = clock.now }
                }
            }
            queue.push(frames)
        }
    }

    func sendStatus() async throws {
        let applied = positions.applied
        try await stream.sendStatus(received: max(positions.received, applied), applied: applied)
        positions.confirm(applied)
        let (received, confirmed, queued) = (positions.received, positions.confirmed, queue.bytes)
        progress.update {
            $0.received = received
            $0.confirmed = confirmed
            $0.queuedBytes = queued
        }
    }
}
