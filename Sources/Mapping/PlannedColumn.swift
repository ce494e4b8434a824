/// One column of a plan: where its value comes from, what becomes of it, and where the head of its element lies in the
/// plan's ready-made bytes. Holds no references, so that walking the columns counts nothing.
struct PlannedColumn: Sendable {
    /// In the table version's columns, and so in the fields of a row.
    let index: Int
    /// nil when the codec has parts: then it is one of the plan's `structures`.
    let scalar: ScalarCodec?
    /// Where in the plan's `structures`.
    let structure: Int
    let headOffset: Int
    let headCount: Int
}
