import Model

extension Change {
    /// Bytes the change keeps in memory, roughly: the limit on an open transaction.
    var byteCount: Int {
        switch self {
        case .insert(_, let new): new.block.count + 128
        case .update(_, let old, let new): new.block.count + 192 + (old == nil ? 0 : 64) + hiddenByteCount
        case .delete(_, let old): old.row.block.count + 128
        case .truncate: 64
        }
    }

    /// Bytes that the batch will need beyond those that were sent: a key change that leaves large values out makes the
    /// sink read the whole document, however large, and write it again. Nobody knows its size here, so only a few such
    /// changes share a batch: 16 with the default limits.
    var hiddenByteCount: Int {
        guard case .update(_, .key, let new) = self, !new.isWhole else { return 0 }
        return 256 << 10
    }
}
