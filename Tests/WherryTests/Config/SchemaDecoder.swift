/// What a file may say at one place.
indirect enum SchemaNode: Equatable {
    case text, integer, boolean, null
    case list(SchemaNode)
    case mapping([String: SchemaNode])
    /// A mapping whose keys are names of the operator's own.
    case named(SchemaNode)
    case either([SchemaNode])

    /// From the questions that the type's own `init(from:)` asks.
    init<Value: Decodable>(_ type: Value.Type) throws { self = try SchemaDecoder.answer(type).node }

    /// Full paths of all values, as `KnownKeys.paths` has them.
    var paths: [String] {
        switch self {
        case .mapping(let keys):
            keys.flatMap { key, below in below.paths.isEmpty ? [key] : below.paths.map { "\(key).\($0)" } }.sorted()
        case .named(let below): below.paths.map { "NAME.\($0)" }
        default: []
        }
    }
}

/// A decoder without a file: it answers every question with something, and remembers what was asked for.
final class SchemaDecoder: Decoder {
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    /// What was asked for, in order.
    fileprivate var asked: [SchemaNode] = []

    /// A value of the type, and what a file may say for it.
    static func answer<Value: Decodable>(_ type: Value.Type) throws -> (node: SchemaNode, value: Value) {
        let plain: [(any Decodable.Type, SchemaNode, Any)] = [
            (Bool.self, .boolean, false), (Int.self, .integer, 0), (Int64.self, .integer, Int64(0)),
        ]
        for (known, node, value) in plain where known == type {
            if let value = value as? Value { return (node, value) }
        }
        let decoder = SchemaDecoder()
        let value = try Value(from: decoder)
        var nodes: [SchemaNode] = []
        for node in decoder.asked where !nodes.contains(node) { nodes.append(node) }
        return (nodes.count == 1 ? nodes[0] : .either(nodes), value)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        asked.append(.mapping([:]))
        return KeyedDecodingContainer(Keyed(decoder: self))
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer { Unkeyed(decoder: self) }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: SchemaDecoder
        let codingPath: [any CodingKey] = []

        /// Only a dictionary asks for them.
        var allKeys: [Key] {
            decoder.asked = []
            return [Key(stringValue: "NAME")].compactMap { $0 }
        }

        func contains(_ key: Key) -> Bool { true }
        func decodeNil(forKey key: Key) -> Bool { false }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            let (node, value) = try SchemaDecoder.answer(type)
            if case .mapping(var keys) = decoder.asked.last {
                keys[key.stringValue] = node
                decoder.asked = [.mapping(keys)]
            } else {
                decoder.asked = [.named(node)]
            }
            return value
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> { throw Unsupported() }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw Unsupported() }
        func superDecoder() throws -> any Decoder { throw Unsupported() }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw Unsupported() }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let decoder: SchemaDecoder
        let codingPath: [any CodingKey] = []
        let count: Int? = 1
        var currentIndex = 0
        var isAtEnd: Bool { currentIndex > 0 }

        func decodeNil() -> Bool { false }

        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            currentIndex += 1
            let (node, value) = try SchemaDecoder.answer(type)
            decoder.asked.append(.list(node))
            return value
        }

        func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
            throw Unsupported()
        }
        func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw Unsupported() }
        func superDecoder() throws -> any Decoder { throw Unsupported() }
    }

    private struct Single: SingleValueDecodingContainer {
        let decoder: SchemaDecoder
        let codingPath: [any CodingKey] = []

        /// An optional asks, whose value may be null in the file.
        func decodeNil() -> Bool {
            decoder.asked.append(.null)
            return false
        }

        func decode(_ type: String.Type) -> String {
            decoder.asked.append(.text)
            return ""
        }

        func decode(_ type: Bool.Type) throws -> Bool { try refuse(.boolean) }
        func decode(_ type: Int64.Type) throws -> Int64 { try refuse(.integer) }
        /// Asked for what is refused.
        func decode(_ type: Double.Type) throws -> Double { throw Unsupported() }

        /// One of several: whoever asked goes on to the next.
        private func refuse<Value>(_ node: SchemaNode) throws -> Value {
            decoder.asked.append(node)
            throw Unsupported()
        }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let (node, value) = try SchemaDecoder.answer(type)
            if case .either(let nodes) = node { decoder.asked += nodes } else { decoder.asked.append(node) }
            switch node {
            case .list, .named: throw Unsupported()
            default: return value
            }
        }
    }

    private struct Unsupported: Error {}
}
