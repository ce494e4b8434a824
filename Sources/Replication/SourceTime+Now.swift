import Foundation
import Model

extension SourceTime {
    /// This machine's clock.
    static var now: SourceTime { before(.zero) }

    /// So long ago by this machine's clock.
    static func before(_ age: Duration) -> SourceTime {
        let seconds = Date().timeIntervalSince1970 - Double(epochOffsetSeconds) - age / .seconds(1)
        return SourceTime(microseconds: Int64(seconds * 1_000_000))
    }
}
