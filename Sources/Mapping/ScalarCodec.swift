import BSON

/// The codecs of single values, and the table that says which type has which. The families are under `Conversion/`.
enum ScalarCodec: UInt8, Hashable, Sendable {
    case bool
    case int2
    case int4
    case int8
    case oid
    /// `xid` and `cid`: unsigned 32-bit numbers, as text.
    case counter32
    /// `xid8`: an unsigned 64-bit number, as text.
    case counter64
    case lsn
    case float4
    case float8
    case numeric
    case text
    /// `"char"`: one byte.
    case char
    case bytea
    case uuid
    case date
    case timestamp
    case timestamptz
    /// Timestamps in a key, where nothing may be cut off.
    case timestampText
    case timestamptzText
    case time
    case timetz
    case interval
    case json
    case jsonb
    /// `inet` and `cidr`.
    case inet
    /// `macaddr` and `macaddr8`.
    case macaddr
    case bits
    /// Anything else: what the output function makes, as a string. There is no binary form.
    case serverText

    /// Built-in types by their fixed oid (PostgreSQL source, `pg_type.dat`). `citext` has no fixed oid; its send
    /// function is that of `text`.
    init(oid: UInt32, name: String) {
        switch oid {
        case 16: self = .bool
        case 17: self = .bytea
        case 18: self = .char
        case 20: self = .int8
        case 21: self = .int2
        case 23: self = .int4
        case 26: self = .oid
        case 28, 29: self = .counter32
        case 114: self = .json
        case 650, 869: self = .inet
        case 700: self = .float4
        case 701: self = .float8
        case 774, 829: self = .macaddr
        case 1082: self = .date
        case 1083: self = .time
        case 1114: self = .timestamp
        case 1184: self = .timestamptz
        case 1186: self = .interval
        case 1266: self = .timetz
        case 1560, 1562: self = .bits
        case 1700: self = .numeric
        case 2950: self = .uuid
        case 3220: self = .lsn
        case 3802: self = .jsonb
        case 5069: self = .counter64
        // name, text, bpchar, varchar, refcursor
        case 19, 25, 1042, 1043, 1790: self = .text
        default: self = name == "citext" || name.hasSuffix(".citext") ? .text : .serverText
        }
    }

    /// Two keys of different forms never find each other's documents.
    var keyForm: String {
        switch self {
        case .int2, .int4, .int8, .oid, .float4, .float8, .numeric: "number"
        case .text, .char: "text"
        default: "\(self)"
        }
    }

    func encode(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
        switch self {
        case .bool: try encodeBool(binary: bytes, into: &writer)
        case .int2: writer.put(int32: Int32(try Wire.only(bytes, Int16.self)))
        case .int4: writer.put(int32: try Wire.only(bytes))
        case .int8: writer.put(int64: try Wire.only(bytes))
        case .oid: writer.put(int64: Int64(try Wire.only(bytes, UInt32.self)))
        case .counter32: putDecimal(UInt64(try Wire.only(bytes, UInt32.self)), into: &writer)
        case .counter64: putDecimal(try Wire.only(bytes), into: &writer)
        case .lsn: putLSN(try Wire.only(bytes), into: &writer)
        case .float4: try encodeFloat4(binary: bytes, into: &writer)
        case .float8: try encodeFloat8(binary: bytes, into: &writer)
        case .numeric: try encodeNumeric(binary: bytes, into: &writer)
        case .text: try encodeText(bytes, into: &writer)
        case .char: try encodeChar(binary: bytes, into: &writer)
        case .bytea: try encodeBytes(binary: bytes, into: &writer)
        case .uuid: try encodeUUID(binary: bytes, into: &writer)
        case .date: try encodeDate(binary: bytes, into: &writer)
        case .timestamp, .timestamptz: putTimestamp(try Wire.only(bytes), into: &writer)
        case .timestampText: putTimestampText(try Wire.only(bytes), zone: "", into: &writer)
        case .timestamptzText: putTimestampText(try Wire.only(bytes), zone: "Z", into: &writer)
        case .time: try encodeTime(binary: bytes, into: &writer)
        case .timetz: try encodeTimeWithZone(binary: bytes, into: &writer)
        case .interval: try encodeInterval(binary: bytes, into: &writer)
        case .json: try encodeJSON(bytes, keysAreUnique: false, into: &writer)
        case .jsonb: try encodeJSONB(binary: bytes, into: &writer)
        case .inet: try encodeInet(binary: bytes, into: &writer)
        case .macaddr: try encodeMACAddress(binary: bytes, into: &writer)
        case .bits: try encodeBits(binary: bytes, into: &writer)
        case .serverText: throw .noBinaryCodec
        }
    }

    func encode(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
        switch self {
        case .bool: try encodeBool(text: bytes, into: &writer)
        case .int2: writer.put(int32: Int32(try integer(text: bytes, Int16.self)))
        case .int4: writer.put(int32: try integer(text: bytes))
        case .int8: writer.put(int64: try integer(text: bytes))
        case .oid: writer.put(int64: Int64(try integer(text: bytes, UInt32.self)))
        case .counter32, .counter64, .lsn, .time, .timetz, .inet, .macaddr, .bits, .serverText, .text:
            try encodeText(bytes, into: &writer)
        case .float4: try encodeFloat4(text: bytes, into: &writer)
        case .float8: try encodeFloat8(text: bytes, into: &writer)
        case .numeric: try encodeNumeric(text: bytes, into: &writer)
        case .char: try encodeChar(text: bytes, into: &writer)
        case .bytea: try encodeBytes(text: bytes, into: &writer)
        case .uuid: try encodeUUID(text: bytes, into: &writer)
        case .date: try encodeDate(text: bytes, into: &writer)
        case .timestamp, .timestamptz: putTimestamp(try timestampMicroseconds(text: bytes), into: &writer)
        case .timestampText: putTimestampText(try timestampMicroseconds(text: bytes), zone: "", into: &writer)
        case .timestamptzText: putTimestampText(try timestampMicroseconds(text: bytes), zone: "Z", into: &writer)
        case .interval: try encodeInterval(text: bytes, into: &writer)
        case .json: try encodeJSON(bytes, keysAreUnique: false, into: &writer)
        case .jsonb: try encodeJSON(bytes, keysAreUnique: true, into: &writer)
        }
    }
}
