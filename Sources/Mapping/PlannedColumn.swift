/// One column of a plan: where its value comes from, what becomes of it, and where the head of its element lies in the
/// plan's ready-made bytes. Holds no references, so that walking the columns counts nothing.
struct PlannedColumn: Sendable {
    /// In the table version's columns, and so in the fields of a row.
    let index: Int
    let codec: Codec
    let headOffset: Int
    let headCount: Int
}
