import Model
import Postgres

/// Reads a stream the way the engine does, and keeps what it saw.
final class TestStream {
    let source: PostgresSource
    var stream: any ChangeStream
    private var decoder: any ChangeDecoder
    /// The transaction that has begun.
    private var open: [Change] = []
    private var xid: UInt32 = 0
    private(set) var messages: [LogicalMessage] = []
    /// End of the last transaction that was read.
    private(set) var position = LSN.zero

    init(source: PostgresSource, stream: any ChangeStream) {
        self.source = source
        self.stream = stream
        decoder = stream.makeDecoder()
    }

    /// The next transaction that changes something.
    func transaction() async throws -> [Change] {
        try await transactions(1)[0]
    }

    /// At least so many; what has arrived with them is among them.
    func transactions(_ count: Int) async throws -> [[Change]] {
        var finished: [[Change]] = []
        let deadline = ContinuousClock.now + .seconds(30)
        while finished.count < count {
            guard .now < deadline else { throw Late(what: "a transaction in the stream") }
            for frame in try await stream.receive(maxBytes: 1 << 20, isPatient: false, until: .now + .seconds(1)) {
                var event = try decoder.decode(frame)
                if case .relation(let relation)? = event {
                    event = try decoder.register(try await source.resolve(relation))
                }
                switch event {
                case .change(let change): open.append(change)
                case .message(let message): messages.append(message)
                case .begin(let start): xid = start.xid
                case .commit(let end):
                    position = end.endLSN
                    if decoder.leavesDoubt { open = try await source.settle(open, of: xid) }
                    if !open.isEmpty { finished.append(open) }
                    open = []
                case .position, .relation, nil: break
                }
            }
        }
        return finished
    }

    /// Starts again after `position`, on a new stream.
    func reopen(after position: LSN) async throws {
        stream = try await source.open(after: position)
        decoder = stream.makeDecoder()
        open = []
    }

    func close() async {
        await stream.close()
        await source.close()
    }
}

/// The values of a row as text (binary ones as hexadecimal digits), nil for NULL, `?` for an unchanged TOAST value.
func values(_ row: Row) -> [String?] {
    row.fields.map { field in
        switch field.kind {
        case .null: nil
        case .unchanged: "?"
        case .text: String(decoding: row.bytes(field), as: UTF8.self)
        case .binary: row.bytes(field).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }
}
