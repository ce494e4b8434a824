import BSON
import Mapping
import Model

/// A row that stops something is named by its key's digest: no message holds a value.
extension Failure {
    /// - Parameter key: `{_id: …}`; nil where nobody knows it.
    func naming(_ key: BSONDocument?) -> Failure {
        guard kind == .dataRefused, let digest = key.flatMap({ keyDigest(of: $0) }) else { return self }
        var named = Failure(kind, "\(message) (key digest \(digest))", hint: hint)
        (named.place, named.policy) = (place, policy)
        return named
    }

    /// The write that the target refuses, among these.
    func naming(placeIn writes: CollectionWrites?) -> Failure {
        guard let place, let writes, writes.writes.indices.contains(place.position) else { return self }
        let write = writes.writes[place.position]
        // A copy that only inserts has no keys apart.
        let document = BSONDocument(unchecked: writes.bytes(write.key.isEmpty ? write.body : write.key))
        return naming(document["_id"].map { ["_id": $0] })
    }
}
