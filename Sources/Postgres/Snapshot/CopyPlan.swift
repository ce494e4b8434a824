import Model

/// How a table, or a leaf of it, is divided.
package enum CopyPlan {
    /// At least one range; the first has no lower bound and the last no upper one.
    package static func ranges(
        _ table: TableVersion, leaf: Partition? = nil, pages: Int, estimatedRows: Int, targetPages: Int
    ) -> [CopyRange] {
        let size = min(max(1, targetPages), Int(UInt32.max))
        let pages = min(max(0, pages), Int(UInt32.max))
        let count = max(1, (pages + size - 1) / size)
        return (0..<count).map { index in
            CopyRange(
                table: table, leaf: leaf, firstPage: index == 0 ? nil : UInt32(index * size),
                endPage: index == count - 1 ? nil : UInt32((index + 1) * size),
                estimatedRows: max(0, estimatedRows) / count)
        }
    }
}
