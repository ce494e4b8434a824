/// Lays `overlay` over `base`. A `PartialDocument` says itself which fields there shall be; else it is about the top
/// level only: a field of `overlay` replaces the one of the same name in `base` and stands in its place; fields only
/// `overlay` has come last, in their order. The result is appended to `writer`, and its range returned; when an input is
/// malformed (`BSONError`) the writer is left as it was.
package func mergeDocuments(
    base: UnsafeRawBufferPointer, overlay: UnsafeRawBufferPointer, into writer: inout BSONWriter
) throws(BSONError) -> Range<Int> {
    let start = writer.count
    do {
        if PartialDocument.isPartial(overlay) {
            let document = writer.beginDocument()
            try PartialDocument.lay(overlay, over: base, into: &writer)
            writer.endDocument(document)
            return start..<writer.count
        }
        var overlays: [(element: BSONElement, isUsed: Bool)] = []
        var overlayReader = try BSONReader(overlay)
        while let element = try overlayReader.next() { overlays.append((element, false)) }
        var baseReader = try BSONReader(base)
        let document = writer.beginDocument()
        // Both usually have their fields in the same order, so the search goes on where the last one ended.
        var next = 0
        while let element = try baseReader.next() {
            if let match = position(of: element, in: overlays, from: next) {
                writer.append(overlays[match].element)
                overlays[match].isUsed = true
                next = match + 1
            } else {
                writer.append(element)
            }
        }
        for overlay in overlays where !overlay.isUsed { writer.append(overlay.element) }
        writer.endDocument(document)
        return start..<writer.count
    } catch {
        writer.truncate(to: start)
        throw error
    }
}

private func position(
    of element: BSONElement, in overlays: [(element: BSONElement, isUsed: Bool)], from start: Int
) -> Int? {
    for step in 0..<overlays.count {
        let index = (start + step) % overlays.count
        if overlays[index].element.hasSameName(as: element) { return index }
    }
    return nil
}
