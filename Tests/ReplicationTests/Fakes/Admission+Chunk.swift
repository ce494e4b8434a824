@testable import Replication

extension Admission {
    /// What is to be written, if anything is.
    var chunk: AdmittedChunk? { if case .chunk(let chunk) = self { chunk } else { nil } }
}
