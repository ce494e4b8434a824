import Model
import Synchronization
import Testing

@testable import WherryCommand

@Suite struct ConsoleTests {
    @Test func linesGoAboveTheBlock() {
        let sink = TextSink()
        let console = Console(
            isTerminal: true, size: { TerminalSize(columns: 20, rows: 5) }, write: { sink.append($0) })
        console.print("before")
        console.show(["one", "two"])
        console.print("log")
        console.show(["three"])
        console.release()
        console.print("after")
        let hide = "\u{1B}[?25l"
        let show = "\u{1B}[?25h"
        #expect(
            sink.text == "before\n" + hide + "one\ntwo\n" + show + "\u{1B}[2A\r\u{1B}[Jlog\none\ntwo\n" + hide
                + "\u{1B}[2A\r\u{1B}[Jthree\n" + show + "after\n")
    }

    /// Every write that hides the cursor shows it again.
    @Test func theCursorIsNeverLeftHidden() {
        let writes = Mutex<[String]>([])
        let console = Console(isTerminal: true, write: { text in writes.withLock { $0.append(text) } })
        for count in 0..<20 { console.show(Array(repeating: "line", count: count % 4)) }
        for text in writes.withLock({ $0 }) where text.contains(TerminalBlock.hideCursor) {
            #expect(text.hasSuffix(TerminalBlock.showCursor))
        }
    }

    @Test(arguments: [(10, 3), (5, 3), (4, 4), (2, 7), (1, 13)])
    func aNarrowerTerminalHasWrappedTheLines(width: Int, rows: Int) {
        #expect(
            TerminalBlock.rowsOccupied(["abcde", "", "1234567".prefix(5) + "é日"].map { String($0) }, width: width) >= 3)
        #expect(
            TerminalBlock.rowsOccupied(["abcde", "", "12345"], width: width) == [10: 3, 5: 3, 4: 5, 2: 7, 1: 11][width])
    }
}
