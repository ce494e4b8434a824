/// Which cluster answers. A checkpoint belongs to one system identifier and timeline.
package struct SourceIdentity: Hashable, Sendable {
    /// `IDENTIFY_SYSTEM`'s `systemid`: a 64-bit number in decimal.
    package let systemIdentifier: String
    package let timeline: Int
    package let database: String
    /// `server_version_num`: 150020 is 15.20.
    package let serverVersion: Int
    package let isInRecovery: Bool
}
