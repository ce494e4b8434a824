import BSON
import Model

/// Lays the fields of a plan out as a flat list of steps, and the heads of their elements one behind the other, that of
/// `_id` first.
struct FieldBuilder {
    let schema: TableSchema
    private(set) var steps: [PlannedField] = []
    private(set) var structures: [ValueCodec] = []
    private(set) var heads: [UInt8] = [0] + BSONName.id.bytes

    init(schema: TableSchema) { self.schema = schema }

    mutating func add(_ fields: [FieldTree.Node], codecs: [Int: ValueCodec]) throws(Failure) {
        for field in fields {
            let head = try head(field.name)
            switch field.source {
            case .column(let index):
                guard let codec = codecs[index] else { continue }
                var step = PlannedField(index: index)
                (step.headOffset, step.headCount) = head
                if case .scalar(let scalar) = codec { step.scalar = scalar } else { structures.append(codec) }
                step.structure = structures.count - 1
                steps.append(step)
            case .computed(let index):
                steps.append(
                    PlannedField(kind: .computed, index: index, headOffset: head.offset, headCount: head.count))
            case .constant:
                steps.append(PlannedField(kind: .constant, headOffset: head.offset, headCount: head.count))
            case nil:
                let open = steps.count
                steps.append(PlannedField(kind: .open, headOffset: head.offset, headCount: head.count))
                try add(field.below, codecs: codecs)
                steps[open].index = steps.count
                steps.append(PlannedField(kind: .close, headOffset: head.offset, headCount: head.count))
            }
        }
    }

    private mutating func head(_ text: String) throws(Failure) -> (offset: Int, count: Int) {
        guard let name = try? BSONName(text) else {
            throw Failure(.unexpected, "a column of \(schema.name) has a name with a NUL character")
        }
        let offset = heads.count
        heads += [0] + name.bytes
        return (offset, name.bytes.count + 1)
    }
}
