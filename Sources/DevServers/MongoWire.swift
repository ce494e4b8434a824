import Foundation
import Glibc

/// The little of MongoDB's wire protocol that starts a replica set: one command in an OP_MSG, a few fields of its reply
/// (MongoDB documentation, "MongoDB Wire Protocol", and bsonspec.org). No driver, no authentication.
enum MongoWire {
    indirect enum Value {
        case int32(Int32)
        case string(String)
        case document([(String, Value)])
        case array([Value])
    }

    /// The scalar fields of a reply that matter here, the others left out.
    struct Reply {
        var numbers: [String: Double] = [:]
        var strings: [String: String] = [:]

        var isOK: Bool { numbers["ok"] == 1 }
    }

    /// Runs a command on a connection of its own.
    ///
    /// - Returns: nil when the server does not listen or does not answer within five seconds.
    static func run(_ command: [(String, Value)], database: String = "admin", port: Int) throws -> Reply? {
        guard let connection = LoopbackPort.connect(to: port) else { return nil }
        defer { close(connection) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let body = encode(.document(command + [("$db", .string(database))]))
        let length = Int32(16 + 4 + 1 + body.count)
        // messageLength, requestID, responseTo, opCode OP_MSG, flagBits; then a section of kind 0.
        let message = [length, 1, 0, 2013, 0].flatMap(bytes) + [0] + body
        guard
            message.withUnsafeBytes({ send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) })
                == message.count, let head = receive(4, from: connection)
        else { return nil }
        let total = Int(head.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) })
        guard total > 21, total < 1 << 20, let rest = receive(total - 4, from: connection) else { return nil }
        return try decode(rest[17...])
    }

    private static func receive(_ count: Int, from connection: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        let received = buffer.withUnsafeMutableBytes { recv(connection, $0.baseAddress, count, Int32(MSG_WAITALL)) }
        return received == count ? buffer : nil
    }

    private static func bytes(_ number: Int32) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static func encode(_ value: Value) -> [UInt8] {
        switch value {
        case .int32(let number): return bytes(number)
        case .string(let text): return bytes(Int32(text.utf8.count + 1)) + Array(text.utf8) + [0]
        case .array(let values):
            return encode(.document(values.enumerated().map { (String($0.offset), $0.element) }))
        case .document(let fields):
            var body: [UInt8] = []
            for (name, value) in fields {
                body += [code(of: value)] + Array(name.utf8) + [0]
                body += encode(value)
            }
            return bytes(Int32(body.count + 5)) + body + [0]
        }
    }

    private static func code(of value: Value) -> UInt8 {
        switch value {
        case .int32: 0x10
        case .string: 0x02
        case .document: 0x03
        case .array: 0x04
        }
    }

    private static func decode(_ document: ArraySlice<UInt8>) throws -> Reply {
        var reply = Reply()
        var rest = document.dropFirst(4)
        while let type = rest.popFirst(), type != 0 {
            let name = String(decoding: rest.prefix { $0 != 0 }, as: UTF8.self)
            rest = rest.drop { $0 != 0 }.dropFirst()
            let size = try size(of: type, in: rest)
            let value = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            guard value.count == size else { throw DevServerError("reply of mongod ends early") }
            value.withUnsafeBytes { raw in
                switch type {
                case 0x01: reply.numbers[name] = raw.loadUnaligned(as: Double.self)
                case 0x08: reply.numbers[name] = Double(raw[0])
                case 0x10: reply.numbers[name] = Double(raw.loadUnaligned(as: Int32.self))
                case 0x02: reply.strings[name] = String(decoding: raw.dropFirst(4).dropLast(), as: UTF8.self)
                default: break
                }
            }
        }
        return reply
    }

    private static func size(of type: UInt8, in rest: ArraySlice<UInt8>) throws -> Int {
        func prefixed(_ extra: Int) throws -> Int {
            let head = Array(rest.prefix(4))
            guard head.count == 4 else { throw DevServerError("reply of mongod ends early") }
            return Int(head.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }) + extra
        }
        switch type {
        case 0x0A: return 0
        case 0x08: return 1
        case 0x10: return 4
        case 0x01, 0x09, 0x11, 0x12: return 8
        case 0x07: return 12
        case 0x02: return try prefixed(4)
        case 0x03, 0x04: return try prefixed(0)
        case 0x05: return try prefixed(5)
        default: throw DevServerError("reply of mongod holds the BSON type \(type)")
        }
    }
}
