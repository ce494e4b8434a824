extension [String] {
    /// The first five, and how many more there are: `a, b, c, d, e and 3 more`.
    package var listed: String {
        prefix(5).joined(separator: ", ") + (count > 5 ? " and \(count - 5) more" : "")
    }
}
