import BSON

// float8 and float4 become double. A float4 is widened: it is the double of the same value (0.1::float4 is
// 0.10000000149011612), in both forms, because its text is the shortest that reads back as the same float4
// (`extra_float_digits` of 1 or more, which sessions pin). Every NaN becomes the one quiet NaN.

func encodeFloat4(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    putDouble(Double(Float(bitPattern: try Wire.only(bytes))), into: &writer)
}

func encodeFloat8(binary bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    putDouble(Double(bitPattern: try Wire.only(bytes)), into: &writer)
}

func encodeFloat4(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    guard let value = Float(try floatText(bytes)) else { throw .malformed(.digits) }
    putDouble(Double(value), into: &writer)
}

func encodeFloat8(text bytes: UnsafeRawBufferPointer, into writer: inout BSONWriter) throws(ValueError) {
    putDouble(try double(text: bytes), into: &writer)
}

func double(text bytes: UnsafeRawBufferPointer) throws(ValueError) -> Double {
    guard let value = Double(try floatText(bytes)) else { throw .malformed(.digits) }
    return value
}

@inline(__always)
func putDouble(_ value: Double, into writer: inout BSONWriter) {
    writer.put(double: value.isNaN ? .nan : value)
}

/// Lets through what the output functions write, and not the other forms that Swift reads (hexadecimal, `nan(1)`).
private func floatText(_ bytes: UnsafeRawBufferPointer) throws(ValueError) -> String {
    let isNumber = bytes.allSatisfy { byte in
        decimalDigit(byte) != nil || byte == 0x2E || byte == 0x2D || byte == 0x2B || byte == 0x65
    }
    guard isNumber || bytes.isText("NaN") || bytes.isText("Infinity") || bytes.isText("-Infinity") else {
        throw .malformed(.digits)
    }
    return String(decoding: bytes, as: UTF8.self)
}
