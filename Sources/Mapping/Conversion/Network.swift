import BSON

// inet, cidr, macaddr and macaddr8 become strings: the server's text.

/// `network_send`: family (2 is IPv4, 3 is IPv6), bits of the mask, whether it is a cidr, bytes of the address, address.
func encodeInet(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var wire = Wire(bytes)
    let family = try wire.read(UInt8.self)
    let bits = try wire.read(UInt8.self)
    let isCIDR = try wire.read(UInt8.self) != 0
    let address = try wire.take(Int(try wire.read(UInt8.self)))
    try wire.end()
    let width: UInt8
    switch (family, address.count) {
    case (2, 4): width = 32
    case (3, 16): width = 128
    default: throw .malformed(.network)
    }
    guard bits <= width else { throw .malformed(.network) }
    let start = writer.beginString()
    if family == 2 {
        appendIPv4(address, to: &writer)
    } else {
        appendIPv6(address, to: &writer)
    }
    if isCIDR || bits != width {
        writer.appendToString(0x2F)
        writer.appendDecimal(UInt64(bits))
    }
    writer.endString(start)
}

private func appendIPv4(_ address: UnsafeRawBufferPointer, to writer: inout BSONWriter) {
    for (index, byte) in address.enumerated() {
        if index > 0 { writer.appendToString(0x2E) }
        writer.appendDecimal(UInt64(byte))
    }
}

/// As PostgreSQL's `pg_inet_net_ntop` writes it: the first longest run of at least two zero words is `::`, and an
/// address that starts with six zero words, or five and ffff, ends like an IPv4 address.
private func appendIPv6(_ address: UnsafeRawBufferPointer, to writer: inout BSONWriter) {
    let words = (0..<8).map { UInt16(address[$0 * 2]) << 8 | UInt16(address[$0 * 2 + 1]) }
    let run = longestZeroRun(words)
    for (index, word) in words.enumerated() {
        if let run, run.contains(index) {
            if index == run.lowerBound { writer.appendToString(0x3A) }
            continue
        }
        if index > 0 { writer.appendToString(0x3A) }
        if index == 6, run == 0..<6 || run == 0..<5 && words[5] == 0xFFFF {
            return appendIPv4(UnsafeRawBufferPointer(rebasing: address[12...]), to: &writer)
        }
        let digits = String(word, radix: 16)
        for digit in digits.utf8 { writer.appendToString(digit) }
    }
    if run?.upperBound == 8 { writer.appendToString(0x3A) }
}

private func longestZeroRun(_ words: [UInt16]) -> Range<Int>? {
    var longest: Range<Int>?
    var start = 0
    while start < 8 {
        var end = start
        while end < 8, words[end] == 0 { end += 1 }
        if end - start >= 2, end - start > longest?.count ?? 0 { longest = start..<end }
        start = max(end, start + 1)
    }
    return longest
}

func encodeMACAddress(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count == 6 || bytes.count == 8 else { throw .malformed(.length) }
    let start = writer.beginString()
    for (index, byte) in bytes.enumerated() {
        if index > 0 { writer.appendToString(0x3A) }
        writer.appendHexadecimal(byte)
    }
    writer.endString(start)
}
