import Model

/// `wherry set`: what is set of a pipeline, and what applies with the configuration at hand.
package struct SetReport: Report, Equatable {
    package struct Setting: Encodable, Sendable, Equatable {
        package let key: String
        /// What applies, as it is written; absent when nothing is said anywhere.
        package let value: String?
        /// What `wherry set` has set; nil when the configuration decides.
        package let set: String?
        /// What the configuration says, or applies without one; absent as `value`.
        package let configured: String?
    }

    package let schemaVersion = 1
    package let pipeline: String
    package let settings: [Setting]

    init(pipeline: String, set: BackfillLimits, configured: BackfillLimits) {
        self.pipeline = pipeline
        let applied = set.over(configured)
        settings = BackfillLimits.Key.allCases.map { key in
            Setting(
                key: key.rawValue, value: applied[key].map(key.text), set: set[key].map(key.text),
                configured: configured[key].map(key.text))
        }
    }

    package var text: [String] {
        var table = TextTable([("key", .left), ("applies", .left), ("set", .left), ("configured", .left)])
        for row in settings {
            let unsaid = row.key == BackfillLimits.Key.heldWAL.rawValue ? "half of the server's limit" : "none"
            table.add([row.key, row.value ?? unsaid, row.set ?? "-", row.configured ?? unsaid])
        }
        return ["pipeline \(pipeline)"] + table.lines(indent: "  ")
    }
}
