import Mapping
import Model

/// What the rows of a table become, in short: the same text wherever they become the same documents.
enum CopyDigest {
    /// - Parameter version: of Wherry, whose codecs make the documents.
    static func make(
        of version: TableVersion, _ state: TableState, guardField: String?, mapping: CollectionMapping,
        version program: String
    ) -> String {
        var words = [program, state.collection, "\(version.schema.oid)"] + state.keyColumns + state.keyForms
        words += [guardField ?? "", mapping.fingerprint]
        for column in version.schema.columns { words += [column.name, "\(column.type)"] }
        // No text can stand for two: each is preceded by its length.
        let text = words.map { "\($0.utf8.count):\($0)" }.joined()
        return String(hash(text), radix: 16)
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }
}
