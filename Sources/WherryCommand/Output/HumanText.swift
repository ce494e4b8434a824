/// Numbers for people: sizes in powers of 1000, counts with thousands' commas, durations in at most two units.
enum HumanText {
    /// `812 B`, `1.2 GB`, `12 MB`.
    static func size(_ bytes: UInt64) -> String {
        guard bytes >= 1000 else { return "\(bytes) B" }
        var value = Double(bytes)
        var unit = 0
        // 999.5 would be shown as 1000 of the smaller unit.
        while value >= 999.5, unit < 6 {
            value /= 1000
            unit += 1
        }
        let names = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        return "\(significant(value)) \(names[unit])"
    }

    /// `1,234,567`.
    static func count(_ number: Int) -> String {
        let digits = Array(String(number.magnitude))
        var result = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { result += "," }
            result.append(digit)
        }
        return result
    }

    /// A rate without its unit: `0.4`, `17`, `102,000` (three significant digits from 1,000 on).
    static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond < 1e15 else { return "?" }
        if perSecond < 9.95 { return tenths(perSecond) }
        var step = 1.0
        while perSecond / step >= 1000 { step *= 10 }
        return count(Int((perSecond / step).rounded() * step))
    }

    /// `0.4 s`, `12 s`, `3 min 5 s`, `2 h 14 min`, `5 d 3 h`.
    static func duration(seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "?" }
        if seconds < 9.95 { return "\(tenths(max(0, seconds))) s" }
        let total = Int(seconds.rounded())
        if total < 60 { return "\(total) s" }
        if total < 3600 { return pair(total / 60, "min", total % 60, "s") }
        if total < 86_400 { return pair(total / 3600, "h", total % 3600 / 60, "min") }
        return pair(total / 86_400, "d", total % 86_400 / 3600, "h")
    }

    static func duration(_ duration: Duration) -> String { self.duration(seconds: duration.inSeconds) }

    /// `61 %`; never 100 before the end.
    static func percent(_ part: Int, of whole: Int) -> String? {
        guard whole > 0, part >= 0 else { return nil }
        let percent = Int(Double(part) / Double(whole) * 100)
        return "\(part < whole ? min(percent, 99) : 100) %"
    }

    /// One decimal, without going through the locale: `0.4`, `12.0`.
    static func tenths(_ value: Double) -> String {
        let scaled = Int((value * 10).rounded())
        return "\(scaled < 0 ? "-" : "")\(scaled.magnitude / 10).\(scaled.magnitude % 10)"
    }

    private static func significant(_ value: Double) -> String {
        value < 9.95 ? tenths(value) : String(Int(value.rounded()))
    }

    private static func pair(_ first: Int, _ unit: String, _ second: Int, _ smaller: String) -> String {
        second == 0 ? "\(first) \(unit)" : "\(first) \(unit) \(second) \(smaller)"
    }
}

extension Duration {
    /// As a floating-point number of seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
