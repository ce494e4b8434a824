import BSON
import Model

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
    /// Microseconds since 1970-01-01 UTC.
    case timestampMicros
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
    case point
    case line, lseg, box, path, polygon, circle
    case tid
    /// `pg_snapshot` and `txid_snapshot`.
    case snapshot
    case tsvector
    case tsquery
    /// Text behind the version of its binary form: `jsonpath`, `ltree`, `lquery`, `ltxtquery`.
    case versionedText
    case int2vector
    case oidvector
    case hstore
    /// Of pgvector.
    case floatVector
    /// `geometry` and `geography` of PostGIS.
    case geometry
    /// Anything else: what the output function makes, as a string. There is no binary form.
    case serverText

    /// Built-in types by their fixed oid (PostgreSQL source, `pg_type.dat`).
    init(oid: UInt32) { self = ScalarCodec.builtIn[oid] ?? .serverText }

    init(_ type: ExtensionType) {
        switch type {
        case .citext: self = .text
        case .hstore: self = .hstore
        case .ltree, .lquery, .ltxtquery: self = .versionedText
        case .vector: self = .floatVector
        case .geometry, .geography: self = .geometry
        }
    }

    private static let builtIn: [UInt32: ScalarCodec] = [
        16: .bool, 17: .bytea, 18: .char, 19: .text, 20: .int8, 21: .int2, 22: .int2vector, 23: .int4, 25: .text,
        26: .oid, 27: .tid, 28: .counter32, 29: .counter32, 30: .oidvector, 114: .json, 142: .text, 600: .point,
        601: .lseg, 602: .path, 603: .box, 604: .polygon, 628: .line, 650: .inet, 700: .float4, 701: .float8,
        718: .circle, 774: .macaddr, 829: .macaddr, 869: .inet, 1042: .text, 1043: .text, 1082: .date, 1083: .time,
        1114: .timestamp, 1184: .timestamptz, 1186: .interval, 1266: .timetz, 1560: .bits, 1562: .bits,
        1700: .numeric, 1790: .text, 2950: .uuid, 2970: .snapshot, 3220: .lsn, 3614: .tsvector, 3615: .tsquery,
        3802: .jsonb, 4072: .versionedText, 5038: .snapshot, 5069: .counter64,
    ]

    /// Whether each value has the same number of bytes, and so is never stored apart from its row (PostgreSQL documentation,
    /// "TOAST").
    var hasFixedLength: Bool {
        switch self {
        case .bool, .int2, .int4, .int8, .oid, .counter32, .counter64, .lsn, .float4, .float8, .char, .uuid, .date,
            .timestamp, .timestamptz, .timestampText, .timestamptzText, .timestampMicros, .time, .timetz, .interval,
            .macaddr, .tid:
            true
        default: false
        }
    }

    /// The codec for the same type as a part of `_id`, which must not lose anything; nil when the type can't be one.
    var forKey: ScalarCodec? {
        switch self {
        // Two queries of one text may differ.
        case .tsquery: nil
        case .timestampMicros, .json, .jsonb, .hstore, .point, .int2vector, .oidvector, .floatVector, .geometry: nil
        case .timestamp: .timestampText
        case .timestamptz: .timestamptzText
        default: self
        }
    }

    /// Two keys of different forms never find each other's documents.
    var keyForm: String {
        switch self {
        case .int2, .int4, .int8, .oid, .float4, .float8, .numeric: "number"
        case .text, .char: "text"
        case .line, .lseg, .box, .path, .polygon, .circle, .tid, .snapshot, .tsvector, .versionedText, .serverText:
            "serverText"
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
        case .timestampMicros: putMicroseconds(try Wire.only(bytes), into: &writer)
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
        case .point: try encodePoint(binary: bytes, into: &writer)
        case .line: try encodeGeometric(binary: bytes, .line, into: &writer)
        case .lseg: try encodeGeometric(binary: bytes, .lseg, into: &writer)
        case .box: try encodeGeometric(binary: bytes, .box, into: &writer)
        case .path: try encodeGeometric(binary: bytes, .path, into: &writer)
        case .polygon: try encodeGeometric(binary: bytes, .polygon, into: &writer)
        case .circle: try encodeGeometric(binary: bytes, .circle, into: &writer)
        case .tid: try encodeTID(binary: bytes, into: &writer)
        case .snapshot: try encodeSnapshot(binary: bytes, into: &writer)
        case .tsvector: try encodeTSVector(binary: bytes, into: &writer)
        case .tsquery: try encodeTSQuery(binary: bytes, into: &writer)
        case .versionedText: try encodeVersionedText(binary: bytes, into: &writer)
        case .int2vector: try encodeArray(binary: bytes, of: .scalar(.int2), into: &writer)
        case .oidvector: try encodeArray(binary: bytes, of: .scalar(.oid), into: &writer)
        case .hstore: try encodeHStore(binary: bytes, into: &writer)
        case .floatVector: try encodeFloatVector(binary: bytes, into: &writer)
        case .geometry: try encodeGeometry(binary: bytes, into: &writer)
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
        case .counter32, .counter64, .lsn, .time, .timetz, .inet, .macaddr, .bits, .serverText, .text, .line, .lseg,
            .box, .path, .polygon, .circle, .tid, .snapshot, .tsvector, .tsquery, .versionedText:
            try encodeText(bytes, into: &writer)
        case .float4: try encodeFloat4(text: bytes, into: &writer)
        case .float8: try encodeFloat8(text: bytes, into: &writer)
        case .numeric: try encodeNumeric(text: bytes, into: &writer)
        case .char: try encodeChar(text: bytes, into: &writer)
        case .bytea: try encodeBytes(text: bytes, into: &writer)
        case .uuid: try encodeUUID(text: bytes, into: &writer)
        case .date: try encodeDate(text: bytes, into: &writer)
        case .timestamp, .timestamptz: putTimestamp(try timestampMicroseconds(text: bytes), into: &writer)
        case .timestampMicros: putMicroseconds(try timestampMicroseconds(text: bytes), into: &writer)
        case .timestampText: putTimestampText(try timestampMicroseconds(text: bytes), zone: "", into: &writer)
        case .timestamptzText: putTimestampText(try timestampMicroseconds(text: bytes), zone: "Z", into: &writer)
        case .interval: try encodeInterval(text: bytes, into: &writer)
        case .json: try encodeJSON(bytes, keysAreUnique: false, into: &writer)
        case .jsonb: try encodeJSON(bytes, keysAreUnique: true, into: &writer)
        case .point: try encodePoint(text: bytes, into: &writer)
        case .int2vector: try encodeVector(text: bytes, of: .int2, into: &writer)
        case .oidvector: try encodeVector(text: bytes, of: .oid, into: &writer)
        case .hstore: try encodeHStore(text: bytes, into: &writer)
        case .floatVector: try encodeFloatVector(text: bytes, into: &writer)
        case .geometry: try encodeGeometry(text: bytes, into: &writer)
        }
    }

    @inline(__always)
    func encode(
        _ bytes: UnsafeRawBufferPointer, isBinary: Bool, into writer: inout BSONWriter
    ) throws(ValueError) {
        if isBinary {
            try encode(binary: bytes, into: &writer)
        } else {
            try encode(text: bytes, into: &writer)
        }
    }
}
