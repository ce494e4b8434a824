import Model

/// One line of wal2json's format version 2, nothing of it copied (wal2json.c of 2.5, the functions ending in `_v2`):
///
///     B, C  "xid", "timestamp", "lsn" (the commit record), "nextlsn" (just after it)
///     I     "schema", "table", "columns": every column, generated ones too
///     U     the same without unchanged TOAST values, and "identity": the replica identity's old values, sent whether
///           they have changed or not; every column under FULL
///     D     "identity" alone
///     T     "schema", "table": a line for each table
///     M     "lsn", "transactional", "prefix", "content" (up to its first zero byte)
///
/// A column is `{"name":…,"typeoid":…,"value":…}`. The oid is printed signed.
struct Wal2JSONLine {
    struct Column {
        let name: JSONScanner.Value
        let typeOID: UInt32
        let value: JSONScanner.Value
    }

    private(set) var action: UInt8 = 0
    private var members: [(member: Member, value: JSONScanner.Value)] = []
    /// nil where there are none, for an empty list isn't the same.
    private(set) var columns: [Column]?
    private(set) var identity: [Column]?

    enum Member: String {
        case xid, timestamp, lsn, nextlsn, schema, table, transactional, prefix, content
    }

    init(_ scanner: inout JSONScanner) throws {
        var action: JSONScanner.Value?
        members.reserveCapacity(8)
        try scanner.each(UInt8(ascii: "{"), UInt8(ascii: "}")) { scanner in
            let name = try scanner.name()
            switch String(decoding: scanner.bytes(name), as: UTF8.self) {
            case "action": action = try scanner.value()
            case "columns": columns = try Self.list(&scanner)
            case "identity": identity = try Self.list(&scanner)
            case let other:
                guard let member = Member(rawValue: other) else {
                    throw scanner.failure("an unknown member", at: name.offset)
                }
                members.append((member, try scanner.value()))
            }
        }
        try scanner.expectEnd()
        guard let action, action.kind == .string, action.count == 1 else { throw scanner.failure("no action") }
        self.action = scanner.bytes(action)[0]
    }

    private static func list(_ scanner: inout JSONScanner) throws -> [Column] {
        var columns: [Column] = []
        try scanner.each(UInt8(ascii: "["), UInt8(ascii: "]")) { columns.append(try column(&$0)) }
        return columns
    }

    private static func column(_ scanner: inout JSONScanner) throws -> Column {
        var name: JSONScanner.Value?
        var oid: JSONScanner.Value?
        var value: JSONScanner.Value?
        try scanner.each(UInt8(ascii: "{"), UInt8(ascii: "}")) { scanner in
            let member = try scanner.name()
            // By their lengths: nothing is made of them for every column.
            switch member.count {
            case 4: name = try scanner.value()
            case 7: oid = try scanner.value()
            case 5: value = try scanner.value()
            default: throw scanner.failure("an unknown member of a column", at: member.offset)
            }
        }
        guard let name, name.isString, let oid, let value else { throw scanner.failure("half of a column") }
        return Column(
            name: name, typeOID: UInt32(truncatingIfNeeded: try scanner.integer(oid)), value: value)
    }

    // MARK: - Members

    func has(_ member: Member) -> Bool { members.contains { $0.member == member } }

    func member(_ member: Member, _ scanner: JSONScanner) throws -> JSONScanner.Value {
        guard let value = members.first(where: { $0.member == member })?.value else {
            throw scanner.failure("no member \(member.rawValue)")
        }
        return value
    }

    func lsn(_ member: Member, _ scanner: JSONScanner) throws -> LSN {
        let value = try self.member(member, scanner)
        guard let lsn = LSN(try scanner.text(value)) else { throw scanner.failure("no position", at: value.offset) }
        return lsn
    }

    func time(_ scanner: JSONScanner) throws -> SourceTime {
        let value = try member(.timestamp, scanner)
        guard let time = SourceTime(isoText: try scanner.text(value)) else {
            throw scanner.failure("no point in time", at: value.offset)
        }
        return time
    }

    func xid(_ scanner: JSONScanner) throws -> UInt32 {
        let value = try member(.xid, scanner)
        guard let xid = UInt32(exactly: try scanner.integer(value)) else {
            throw scanner.failure("no transaction id", at: value.offset)
        }
        return xid
    }

    func table(_ scanner: JSONScanner) throws -> TableName {
        TableName(
            schema: try scanner.text(try member(.schema, scanner)), name: try scanner.text(try member(.table, scanner)))
    }

    func message(_ scanner: JSONScanner) throws -> LogicalMessage {
        let isTransactional = try member(.transactional, scanner)
        guard isTransactional.kind == .true || isTransactional.kind == .false else {
            throw scanner.failure("true or false expected", at: isTransactional.offset)
        }
        var content: [UInt8] = []
        let value = try member(.content, scanner)
        guard value.isString else { throw scanner.failure("a string expected", at: value.offset) }
        try scanner.append(value, to: &content)
        return LogicalMessage(
            lsn: try lsn(.lsn, scanner), isTransactional: isTransactional.kind == .true,
            prefix: try scanner.text(try member(.prefix, scanner)), content: content)
    }
}

extension SourceTime {
    /// Reads what `timestamptz_to_str` prints: `2026-11-21 18:44:25.255538+00`, the fraction left out when it is zero,
    /// the zone with minutes and seconds where it has them.
    init?(isoText text: String) {
        let digits = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= digits.count, digits[range].allSatisfy({ (0x30...0x39).contains($0) }) else {
                return nil
            }
            return digits[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }
        guard digits.count >= 22, let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            (1...12).contains(month), let hour = number(11..<13), let minute = number(14..<16),
            let second = number(17..<19)
        else { return nil }
        var place = 19
        var fraction: Int64 = 0
        if digits[place] == UInt8(ascii: ".") {
            let start = place + 1
            place = digits[start...].firstIndex { !(0x30...0x39).contains($0) } ?? digits.count
            guard place - start <= 6, let given = number(start..<place) else { return nil }
            fraction = (place - start..<6).reduce(given) { value, _ in value * 10 }
        }
        guard place < digits.count, let sign: Int64 = [UInt8(ascii: "+"): 1, UInt8(ascii: "-"): -1][digits[place]],
            let zoneHours = number(place + 1..<place + 3)
        else { return nil }
        var zone = zoneHours * 3600
        if digits.count > place + 3 { zone += (number(place + 4..<place + 6) ?? 0) * 60 }
        if digits.count > place + 6 { zone += number(place + 7..<place + 9) ?? 0 }
        let seconds = Self.days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - sign * zone
        self.init(microseconds: (seconds - Self.epochOffsetSeconds) * 1_000_000 + fraction)
    }

    /// Days from 1970-01-01 in the Gregorian calendar: years are counted from March, so that the leap day is the last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}
