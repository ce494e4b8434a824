import BSON
import Foundation

/// Documents as relaxed extended JSON (MongoDB Extended JSON v2), which every driver reads back.
enum RelaxedJSON {
    /// One line.
    static func text(_ document: BSONDocument) -> String { text(.document(document), indent: nil) }

    /// A field a line.
    static func indented(_ document: BSONDocument) -> String { text(.document(document), indent: 0) }

    private static func text(_ value: BSONValue, indent: Int?) -> String {
        switch value {
        case .document(let document):
            list("{", "}", document.elements.map { (JSONText.line($0.name), $0.value) }, indent)
        case .array(let values): list("[", "]", values.map { (nil, $0) }, indent)
        case .double(let number): double(number)
        case .string(let text): JSONText.line(text)
        case .bool(let bool): "\(bool)"
        case .null: "null"
        case .int32(let number): "\(number)"
        case .int64(let number): "\(number)"
        case .decimal128(let number): "{\"$numberDecimal\":\"\(number)\"}"
        case .date(let milliseconds): date(milliseconds)
        case .binary(let subtype, let bytes):
            "{\"$binary\":{\"base64\":\"\(Data(bytes).base64EncodedString())\","
                + "\"subType\":\"\(hexadecimal([subtype]))\"}}"
        case .objectID(let bytes): "{\"$oid\":\"\(hexadecimal(bytes))\"}"
        // The mapping makes none of the others.
        default: JSONText.line("\(value.type)")
        }
    }

    private static func list(
        _ open: String, _ close: String, _ parts: [(name: String?, value: BSONValue)], _ indent: Int?
    ) -> String {
        guard !parts.isEmpty else { return open + close }
        let inner = indent.map { $0 + 2 }
        let texts = parts.map { part in
            (part.name.map { $0 + (indent == nil ? ":" : ": ") } ?? "") + text(part.value, indent: inner)
        }
        guard let indent else { return open + texts.joined(separator: ",") + close }
        let space = String(repeating: " ", count: indent)
        return open + "\n" + texts.map { "\(space)  \($0)" }.joined(separator: ",\n") + "\n\(space)\(close)"
    }

    private static func double(_ number: Double) -> String {
        if number.isFinite { return "\(number)" }
        return "{\"$numberDouble\":\"\(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")\"}"
    }

    /// ISO 8601 from 1970 to 9999, a number otherwise.
    private static func date(_ milliseconds: Int64) -> String {
        guard (0..<253_402_300_800_000).contains(milliseconds) else {
            return "{\"$date\":{\"$numberLong\":\"\(milliseconds)\"}}"
        }
        let date = Date(timeIntervalSince1970: Double(milliseconds / 1000))
        let fraction = milliseconds % 1000
        let text = date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: false))
        let digits = fraction == 0 ? "" : ".\(String(fraction + 1000).dropFirst())"
        return "{\"$date\":\"\(text.prefix { $0 != "Z" })\(digits)Z\"}"
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
