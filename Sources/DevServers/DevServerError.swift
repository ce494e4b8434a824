/// What went wrong while a development server was started, stopped or asked.
package struct DevServerError: Error, CustomStringConvertible, Sendable {
    /// Lower case, complete, no full stop.
    package let message: String
    /// What to do about it.
    package let hint: String?

    package init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }

    package var description: String { hint.map { "\(message)\nhint: \($0)" } ?? message }
}
