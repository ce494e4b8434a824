import BSON

/// Of the elements of the document from `start` to the end of the writer, keeps the last of each name. Only json needs
/// it; most objects are small and have no name twice, and those cost a few comparisons.
func removeRepeatedKeys(from start: Int, in writer: inout BSONWriter) {
    let kept = writer.withUnsafeBytes(in: start..<writer.count) { keptElements($0) }
    guard let kept else { return }
    writer.compact(from: start + 4, keeping: kept.map { $0.lowerBound + start..<$0.upperBound + start })
    writer.endDocument(start)
}

/// nil when every name is there once.
private func keptElements(_ bytes: UnsafeRawBufferPointer) -> [Range<Int>]? {
    guard var reader = try? BSONReader(bytes) else { return nil }
    var elements: [BSONElement] = []
    while let element = try? reader.next() { elements.append(element) }
    if elements.count <= 16 {
        let isUnique = elements.indices.allSatisfy { index in
            !elements[..<index].contains { $0.hasSameName(as: elements[index]) }
        }
        if isUnique { return nil }
    }
    var last: [[UInt8]: Int] = [:]
    for (index, element) in elements.enumerated() { last[Array(element.nameBytes)] = index }
    if last.count == elements.count { return nil }
    var kept: [Range<Int>] = []
    var offset = 4
    for (index, element) in elements.enumerated() {
        if last[Array(element.nameBytes)] == index { kept.append(offset..<offset + element.whole.count) }
        offset += element.whole.count
    }
    return kept
}
