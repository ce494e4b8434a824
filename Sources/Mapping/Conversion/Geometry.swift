import BSON

// PostGIS's geometry and geography become GeoJSON as ST_AsGeoJSON makes it, with a `crs` where the coordinates are not
// those of WGS 84. What GeoJSON has no word for (curves, surfaces, triangles, measures) stays the server's text, which
// is the binary form in hexadecimal.

/// `geometry_send`: EWKB (PostGIS source, `liblwgeom/lwin_wkb.c`).
func encodeGeometry(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    var check = GeometryReader(bytes)
    let hasGeoJSON = try check.pass(depth: 0)
    try check.end()
    guard hasGeoJSON else {
        let start = writer.beginString()
        for byte in bytes { writer.appendUpperHexadecimal(byte) }
        return writer.endString(start)
    }
    guard bytes.count <= MappingPlan.maximumDocumentSize else { throw .tooLarge }
    var reader = GeometryReader(bytes)
    try reader.encode(isInside: false, into: &writer)
}

/// `geometry_out`: the same bytes in hexadecimal.
func encodeGeometry(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard bytes.count % 2 == 0 else { throw .malformed(.geometry) }
    let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count / 2), alignment: 1)
    defer { plain.deallocate() }
    for index in 0..<bytes.count / 2 {
        guard let byte = hexadecimalByte(bytes, at: index * 2) else { throw .malformed(.geometry) }
        plain[index] = byte
    }
    try encodeGeometry(binary: UnsafeRawBufferPointer(rebasing: plain[..<(bytes.count / 2)]), into: &writer)
}

private enum GeometryKind: UInt32 {
    case point = 1
    case lineString, polygon, multiPoint, multiLineString, multiPolygon, collection

    var name: String {
        switch self {
        case .point: "Point"
        case .lineString: "LineString"
        case .polygon: "Polygon"
        case .multiPoint: "MultiPoint"
        case .multiLineString: "MultiLineString"
        case .multiPolygon: "MultiPolygon"
        case .collection: "GeometryCollection"
        }
    }

    /// What a multiple geometry is made of.
    var part: GeometryKind? {
        switch self {
        case .multiPoint: .point
        case .multiLineString: .lineString
        case .multiPolygon: .polygon
        default: nil
        }
    }
}

private struct GeometryReader {
    private struct Head {
        /// nil for a kind that GeoJSON has no word for.
        let kind: GeometryKind?
        let dimensions: Int
        let hasMeasure: Bool
        /// 0 when there is none.
        let reference: UInt32
    }

    private var wire: Wire
    private var isLittleEndian = true

    /// Each is two levels of BSON, of which MongoDB takes 180 in a document (MongoDB source, bson_depth.h).
    private static let mostLevels = 40

    init(_ bytes: UnsafeRawBufferPointer) { wire = Wire(bytes) }

    func end() throws(ValueError) { try wire.end() }

    // MARK: - Parts

    private mutating func number() throws(ValueError) -> UInt32 {
        let value: UInt32 = try wire.read()
        return isLittleEndian ? value.byteSwapped : value
    }

    private mutating func coordinate() throws(ValueError) -> Double {
        let bits: UInt64 = try wire.read()
        return Double(bitPattern: isLittleEndian ? bits.byteSwapped : bits)
    }

    /// How many there are of something that takes so many bytes at least.
    private mutating func count(ofBytes size: Int) throws(ValueError) -> Int {
        let count = Int(try number())
        guard count <= wire.remaining / size else { throw .malformed(.geometry) }
        return count
    }

    private mutating func head() throws(ValueError) -> Head {
        let order = try wire.read(UInt8.self)
        guard order <= 1 else { throw .malformed(.geometry) }
        isLittleEndian = order == 1
        let type = try number()
        let (hasZ, hasMeasure) = (type & 0x8000_0000 != 0, type & 0x4000_0000 != 0)
        return Head(
            kind: GeometryKind(rawValue: type & 0x0FFF_FFFF), dimensions: 2 + (hasZ ? 1 : 0) + (hasMeasure ? 1 : 0),
            hasMeasure: hasMeasure, reference: type & 0x2000_0000 != 0 ? try number() : 0)
    }

    // MARK: - Looking

    /// Passes over one geometry.
    ///
    /// - Returns: whether it has a form in GeoJSON; if not, all the rest is passed over too.
    mutating func pass(depth: Int) throws(ValueError) -> Bool {
        let head = try head()
        guard let kind = head.kind, !head.hasMeasure, depth < GeometryReader.mostLevels else {
            _ = try wire.take(wire.remaining)
            return false
        }
        let size = head.dimensions * 8
        switch kind {
        case .point: _ = try wire.take(size)
        case .lineString: _ = try wire.take(try count(ofBytes: size) * size)
        case .polygon:
            for _ in 0..<(try count(ofBytes: 4)) { _ = try wire.take(try count(ofBytes: size) * size) }
        case .multiPoint, .multiLineString, .multiPolygon, .collection:
            for _ in 0..<(try count(ofBytes: 9)) where try !pass(depth: depth + 1) { return false }
        }
        return true
    }

    // MARK: - Writing

    /// One geometry that has a form in GeoJSON, as the value begun last.
    mutating func encode(isInside: Bool, into writer: inout BSONWriter) throws(ValueError) {
        let head = try head()
        guard let kind = head.kind else { throw .malformed(.geometry) }
        let start = writer.putDocument()
        writer.key(.type)
        writer.put(string: kind.name)
        if !isInside, head.reference != 0, head.reference != 4326 { putReference(head.reference, into: &writer) }
        if kind == .collection {
            let limit = sizeLimit(writer)
            let array = writer.beginArray(.geometries)
            for index in 0..<(try count(ofBytes: 9)) {
                writer.key(index: index)
                try encode(isInside: true, into: &writer)
                if writer.count > limit { throw .tooLarge }
            }
            writer.endDocument(array)
        } else {
            writer.key(.coordinates)
            try putCoordinates(kind, head.dimensions, into: &writer)
        }
        writer.endDocument(start)
    }

    private func putReference(_ reference: UInt32, into writer: inout BSONWriter) {
        let crs = writer.beginDocument(.crs)
        writer.key(.type)
        writer.put(string: "name")
        let properties = writer.beginDocument(.properties)
        writer.key(.name)
        writer.put(string: "EPSG:\(reference)")
        writer.endDocument(properties)
        writer.endDocument(crs)
    }

    private mutating func putCoordinates(
        _ kind: GeometryKind, _ dimensions: Int, into writer: inout BSONWriter
    ) throws(ValueError) {
        switch kind {
        case .point: try putPoint(dimensions, mayBeEmpty: true, into: &writer)
        case .lineString: try putPoints(dimensions, into: &writer)
        case .polygon:
            let start = writer.putArray()
            for index in 0..<(try count(ofBytes: 4)) {
                writer.key(index: index)
                try putPoints(dimensions, into: &writer)
            }
            writer.endDocument(start)
        case .multiPoint, .multiLineString, .multiPolygon:
            let limit = sizeLimit(writer)
            let start = writer.putArray()
            for index in 0..<(try count(ofBytes: 9)) {
                writer.key(index: index)
                let part = try head()
                guard let partKind = part.kind, partKind == kind.part else { throw .malformed(.geometry) }
                try putCoordinates(partKind, part.dimensions, into: &writer)
                if writer.count > limit { throw .tooLarge }
            }
            writer.endDocument(start)
        case .collection: throw .malformed(.geometry)
        }
    }

    private mutating func putPoints(_ dimensions: Int, into writer: inout BSONWriter) throws(ValueError) {
        let limit = sizeLimit(writer)
        let start = writer.putArray()
        for index in 0..<(try count(ofBytes: dimensions * 8)) {
            writer.key(index: index)
            try putPoint(dimensions, mayBeEmpty: false, into: &writer)
            if writer.count > limit { throw .tooLarge }
        }
        writer.endDocument(start)
    }

    /// - Parameter mayBeEmpty: one without coordinates has NaN for each.
    private mutating func putPoint(
        _ dimensions: Int, mayBeEmpty: Bool, into writer: inout BSONWriter
    ) throws(ValueError) {
        var coordinates: [Double] = []
        for _ in 0..<dimensions { coordinates.append(try coordinate()) }
        let start = writer.putArray()
        if !mayBeEmpty || !coordinates.allSatisfy(\.isNaN) {
            for (index, coordinate) in coordinates.enumerated() {
                writer.key(index: index)
                putDouble(coordinate, into: &writer)
            }
        }
        writer.endDocument(start)
    }
}

extension BSONName {
    static let type = BSONName(constant: "type")
    static let coordinates = BSONName(constant: "coordinates")
    fileprivate static let geometries = BSONName(constant: "geometries")
    fileprivate static let crs = BSONName(constant: "crs")
    fileprivate static let properties = BSONName(constant: "properties")
    fileprivate static let name = BSONName(constant: "name")
}
