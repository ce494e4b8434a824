import Foundation
import Synchronization

/// Size of a terminal in characters.
struct TerminalSize: Sendable, Equatable {
    var columns: Int
    var rows: Int
}

/// Standard error: lines, and below them, on a terminal, one block that is drawn anew in place (the progress display).
/// Everything that writes to standard error goes through here, so that a log line never lands inside the block.
final class Console: Sendable {
    let isTerminal: Bool
    private let size: @Sendable () -> TerminalSize?
    private let write: @Sendable (String) -> Void
    /// The lines of the block on the screen.
    private let block = Mutex<[String]>([])

    init(
        isTerminal: Bool, size: @escaping @Sendable () -> TerminalSize? = { nil },
        write: @escaping @Sendable (String) -> Void
    ) {
        self.isTerminal = isTerminal
        self.size = size
        self.write = write
    }

    /// The process's own standard error.
    static let standardError = Console(
        isTerminal: isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb",
        size: { TerminalSize.current(STDERR_FILENO) },
        write: { writeAll($0, to: STDERR_FILENO) })

    /// What fits now; the terminal may have been resized since the last time.
    var currentSize: TerminalSize { size() ?? TerminalSize(columns: 80, rows: 24) }

    /// Prints a line above the block.
    func print(_ line: String) {
        block.withLock { lines in
            guard !lines.isEmpty else { return write(line + "\n") }
            write(TerminalBlock.erasing(lines, width: currentSize.columns) + line + "\n" + TerminalBlock.drawing(lines))
        }
    }

    /// Replaces the block. Lines must not be wider than the terminal.
    func show(_ lines: [String]) {
        block.withLock { old in
            let text = TerminalBlock.erasing(old, width: currentSize.columns) + TerminalBlock.drawing(lines)
            write(TerminalBlock.hideCursor + text + TerminalBlock.showCursor)
            old = lines
        }
    }

    /// Leaves the last block where it is; the next output begins below it.
    func release() {
        block.withLock { $0 = [] }
    }
}

/// The control sequences of the block (ECMA-48, as every terminal knows them).
enum TerminalBlock {
    /// The cursor is hidden only while one block is written, so that no way of dying leaves a terminal without it.
    static let hideCursor = "\u{1B}[?25l"
    static let showCursor = "\u{1B}[?25h"

    /// Puts the cursor on the block's first line and clears everything from there on.
    static func erasing(_ lines: [String], width: Int) -> String {
        let rows = rowsOccupied(lines, width: width)
        return rows == 0 ? "" : "\u{1B}[\(rows)A\r\u{1B}[J"
    }

    static func drawing(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    /// A terminal that became narrower has wrapped the lines that stand on it.
    static func rowsOccupied(_ lines: [String], width: Int) -> Int {
        lines.reduce(0) { $0 + max(1, (DisplayWidth.columns($1) + max(1, width) - 1) / max(1, width)) }
    }
}

extension TerminalSize {
    /// nil when the descriptor is no terminal.
    static func current(_ descriptor: Int32) -> TerminalSize? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return TerminalSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }
}

/// Writes everything or gives up (the reader is gone): output that nobody can read is no reason to stop a pipeline.
func writeAll(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        bytes = bytes.dropFirst(count)
    }
}
