/// Reads dates and timestamps in the ISO style of `DateStyle`: `2024-01-02`, `2024-01-02 03:04:05.000006+00`, either
/// with ` BC` behind it; years have four digits or more.
struct DateScanner {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Days since 1970-01-01.
    mutating func days() throws(ValueError) -> Int64 {
        var year = try number(atMost: 7)
        try expect(0x2D)
        let month = try number(atMost: 2)
        try expect(0x2D)
        let day = try number(atMost: 2)
        if hasSuffix {
            // 1 BC is the astronomical year 0.
            year = 1 - year
        }
        guard (1...12).contains(month), (1...31).contains(day) else { throw .malformed(.date) }
        return CivilDate(year: year, month: month, day: day).daysSince1970
    }

    /// Microseconds since 2000-01-01.
    mutating func timestamp() throws(ValueError) -> Int64 {
        let day = try days() - 10957
        try expect(0x20)
        let hours = try number(atMost: 2)
        try expect(0x3A)
        let minutes = try number(atMost: 2)
        try expect(0x3A)
        let seconds = try number(atMost: 2)
        guard hours <= 24, minutes < 60, seconds <= 60 else { throw .malformed(.date) }
        let clock = (hours * 3600 + minutes * 60 + seconds - (try zone())) * 1_000_000 + fraction
        try end()
        let (start, overflow) = day.multipliedReportingOverflow(by: 86_400_000_000)
        let (value, sumOverflow) = start.addingReportingOverflow(clock)
        if overflow || sumOverflow { throw .malformed(.date) }
        return value
    }

    /// Nothing but ` BC` is left.
    func end() throws(ValueError) {
        guard offset == (hasSuffix ? bytes.count - 3 : bytes.count) else { throw .malformed(.date) }
    }

    private var hasSuffix: Bool {
        bytes.count > 3 && bytes[bytes.count - 3] == 0x20 && bytes[bytes.count - 2] == 0x42
            && bytes[bytes.count - 1] == 0x43
    }

    /// Microseconds, from up to six decimals; read by `zone`, which comes behind them.
    private var fraction: Int64 = 0

    /// Seconds east of UTC: `+00`, `-05:30`, `+00:53:28`, or nothing.
    private mutating func zone() throws(ValueError) -> Int64 {
        if peek == 0x2E {
            offset += 1
            let start = offset
            fraction = try number(atMost: 6)
            for _ in (offset - start)..<6 { fraction *= 10 }
        }
        guard let sign = peek, sign == 0x2B || sign == 0x2D else { return 0 }
        offset += 1
        var seconds: Int64 = try number(atMost: 2) * 3600
        for unit: Int64 in [60, 1] where peek == 0x3A {
            offset += 1
            seconds += try number(atMost: 2) * unit
        }
        return sign == 0x2B ? seconds : -seconds
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func expect(_ byte: UInt8) throws(ValueError) {
        guard peek == byte else { throw .malformed(.date) }
        offset += 1
    }

    private mutating func number(atMost digits: Int) throws(ValueError) -> Int64 {
        let start = offset
        var value: Int64 = 0
        while let byte = peek, let digit = decimalDigit(byte) {
            guard offset - start < digits else { throw .malformed(.date) }
            value = value * 10 + Int64(digit)
            offset += 1
        }
        guard offset > start else { throw .malformed(.date) }
        return value
    }
}
