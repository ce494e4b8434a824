import Model

/// The message that marks a chunk's place in the stream: transactional, of prefix `wherry`, its content `chunk ` and
/// the token. A heartbeat is the same without content.
enum ChunkToken {
    private static let mark = "chunk "

    static func content(_ token: String) -> String { mark + token }

    /// The token of a message; nil for any other message.
    static func read(_ message: LogicalMessage) -> String? {
        guard message.isTransactional, message.prefix == "wherry" else { return nil }
        let content = String(decoding: message.content, as: UTF8.self)
        return content.hasPrefix(mark) ? String(content.dropFirst(mark.count)) : nil
    }
}
