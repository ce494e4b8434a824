/// One step of a plan: a field whose value comes from a column or an expression, or is the discriminator's, or the
/// beginning or the end of a document inside. Its head lies in the plan's ready-made bytes. Holds no references, so that
/// walking the steps counts nothing.
struct PlannedField: Sendable {
    enum Kind: UInt8, Sendable {
        case column
        case computed
        /// The value of the collection's discriminator.
        case constant
        case open, close
    }

    var kind = Kind.column
    /// Of a column: in the table version's columns, and so in the fields of a row. Of an expression: in the plan's
    /// `computed`. Of an `open`: where in the steps its `close` is.
    var index = 0
    /// nil when the codec has parts: then it is one of the plan's `structures`.
    var scalar: ScalarCodec?
    /// Where in the plan's `structures`.
    var structure = 0
    /// Of a `close`: of the document it ends.
    var headOffset = 0
    var headCount = 0
}
