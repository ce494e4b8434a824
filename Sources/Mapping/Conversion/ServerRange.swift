/// The dates and timestamps that PostgreSQL knows, infinities apart.
enum ServerRange {
    /// From 4714-11-24 BC, the day 0 of the Julian calendar, to before 5874898 (PostgreSQL documentation, "Date/Time
    /// Types"), in days since 1970.
    static let dates: Range<Int64> = -2_440_588..<2_145_042_906
    /// From the same day to before 294277, in microseconds since 2000 (PostgreSQL source, datatype/timestamp.h).
    static let timestamps: Range<Int64> = -211_813_488_000_000_000..<9_223_371_331_200_000_000
}
