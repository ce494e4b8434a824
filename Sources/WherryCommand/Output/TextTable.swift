/// Aligned columns for a terminal: two spaces between them, numbers to the right, no trailing spaces.
struct TextTable: Sendable {
    enum Alignment: Sendable {
        case left, right
    }

    let header: [String]
    let alignments: [Alignment]
    private(set) var rows: [[String]] = []

    init(_ columns: [(title: String, alignment: Alignment)]) {
        header = columns.map(\.title)
        alignments = columns.map(\.alignment)
    }

    /// A row has as many cells as there are columns; missing ones are empty.
    mutating func add(_ cells: [String]) {
        rows.append((0..<header.count).map { $0 < cells.count ? cells[$0] : "" })
    }

    func lines(indent: String = "") -> [String] {
        let widths = header.indices.map { column in
            ([header] + rows).map { DisplayWidth.columns($0[column]) }.max() ?? 0
        }
        return ([header] + rows).map { cells in
            let line = cells.indices.map { column in
                DisplayWidth.pad(cells[column], width: widths[column], alignRight: alignments[column] == .right)
            }.joined(separator: "  ")
            return indent + TextTable.withoutTrailingSpaces(line)
        }
    }

    private static func withoutTrailingSpaces(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}
