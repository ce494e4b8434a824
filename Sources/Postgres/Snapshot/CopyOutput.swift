import CLibPQ
import Model

/// The rows of one `COPY … TO STDOUT (FORMAT binary)`, as they arrive. Blocks: lives on its session's thread.
final class CopyOutput {
    private let session: Session
    private var decoder: CopyDecoder
    /// The server's data is at its end; the rows before it are still with the caller.
    private var isEnded = false

    var table: TableName { decoder.table }

    /// Starts the COPY.
    ///
    /// - Parameter isText: Parallel to the statement's columns, as for `CopyStatement.columns`.
    /// - Throws: `ServerError`, `CancellationError`.
    init(_ session: Session, _ statement: String, of table: TableName, isText: [Bool]) throws {
        self.session = session
        decoder = CopyDecoder(table: table, isText: isText)
        try session.runCopy(statement, expecting: PGRES_COPY_OUT, until: nil)
    }

    /// At least one row, and more until `maxBytes` are reached or nothing more has arrived; empty once the server has
    /// said that it was all.
    ///
    /// - Throws: `ServerError`, `CancellationError`; `Failure` of kind `.unexpected` for data that isn't COPY's.
    func next(maxBytes: Int) throws -> [Row] {
        if isEnded { return try finish() }
        var rows: [Row] = []
        var bytes = 0
        var isFresh = false
        while bytes < maxBytes || rows.isEmpty {
            switch try session.nextCopyMessage() {
            case .data(let memory, let count):
                bytes += count
                isFresh = false
                let block = ByteBlock(adopting: memory, count: count) { PQfreemem($0) }
                try decoder.decode(block, into: &rows)
            case .pending where !isFresh:
                try session.readSocket()
                isFresh = true
            case .pending:
                guard rows.isEmpty else { return rows }
                _ = try session.wait(reading: true, until: nil)
                try session.readSocket()
            case .ended:
                isEnded = true
                guard rows.isEmpty else { return rows }
                return try finish()
            }
        }
        return rows
    }

    /// The server's last word: complete, or an error.
    private func finish() throws -> [Row] {
        try session.finishCopy()
        try decoder.finish()
        return []
    }
}
