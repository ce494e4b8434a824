import Foundation
import Model

extension SourceTime {
    /// This machine's clock.
    static var now: SourceTime {
        let seconds = Date().timeIntervalSince1970 - Double(epochOffsetSeconds)
        return SourceTime(microseconds: Int64(seconds * 1_000_000))
    }
}
