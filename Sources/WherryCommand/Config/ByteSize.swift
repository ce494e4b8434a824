import Model

/// A number of bytes as people write it: `5000000`, `16MB` (powers of 1000), `16MiB` (powers of 1024), spaces allowed.
enum ByteSize {
    private static let units: [String: Int] = [
        "": 1, "b": 1, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000, "kib": 1024, "mib": 1 << 20, "gib": 1 << 30,
    ]

    /// nil when it is no size or more than fits.
    static func parse(_ text: String) -> Int? {
        let text = text.filter { !$0.isWhitespace }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let unit = units[text[digits.endIndex...].lowercased()] else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
        return overflow ? nil : bytes
    }
}
