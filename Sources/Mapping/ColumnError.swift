import Model

/// A value that could not be encoded, and the column it is in, or the expression it is of, if it is about one.
struct ColumnError: Error {
    let error: ValueError
    var column: Int?
    /// Among the plan's computed values.
    var expression: Int?

    init(_ error: ValueError, _ column: Int? = nil) {
        self.error = error
        self.column = column
    }

    init(_ error: ValueError, expression: Int) {
        self.error = error
        self.expression = expression
    }
}

extension MappingPlan {
    /// What an operator reads. Names the table, the column and its type, never a value.
    func failure(for error: ColumnError) -> Failure {
        let place =
            error.column.map { index in
                "column \(schema.columns[index].name) (\(schema.columns[index].type.name))"
            }
        let expression = error.expression.map { "'compute.\(computed[$0].path)'" }
        var failure = failure(for: error.error, in: place ?? expression)
        failure.policy = policy(of: error)
        return failure
    }

    /// What a document of more than 16 MiB ends with that has come together in parts.
    package var sizeRefusal: Failure { failure(for: .tooLarge, in: nil) }

    private func policy(of error: ColumnError) -> RefusalPolicy? {
        let policies = error.column.map { mapping.policies(of: schema.columns[$0].name) } ?? mapping.policies
        return switch error.error {
        case .refused(.digits): policies.numericOverflow.refusal
        case .refused(.infinity): policies.outOfRange.refusal
        case .refused(.unknownType): policies.unknownType.refusal
        default: nil
        }
    }

    /// - Parameter named: the column or the expression that it is about; nil for the row.
    func failure(for error: ValueError, in named: String?) -> Failure {
        let place = named.map { "\($0) of table \(schema.name)" } ?? "a row of table \(schema.name)"
        switch error {
        case .tooLarge:
            return Failure(
                .dataRefused, "a row of table \(schema.name) is more than 16 MiB as a document of \(collection)",
                hint: "MongoDB takes no larger document. Shorten the row in the source, or leave the table out.")
        case .refused(let refusal):
            return Failure(
                .dataRefused, "\(place) holds \(refusal.rawValue)",
                hint: "MongoDB can't hold this value as it is. Correct it in the source; nothing was skipped.")
        case .malformed(let malformation):
            return Failure(
                .unexpected, "\(place) arrived as \(malformation.rawValue)",
                hint: "The server sent what its documentation does not describe. Please report it with its version.")
        case .noBinaryCodec:
            return Failure(
                .configuration, "\(place) arrived in a binary form that can't be read",
                hint:
                    "Such columns are asked for as text: this is a defect. Please report it with the server's version.")
        case .typeChanged:
            return Failure(
                .typeChanged, "\(place) arrived with other attributes than its type has",
                hint:
                    "The type was altered, which the stream doesn't tell. If starting again doesn't help, rows of its "
                    + "old form still lie in the log: remove the pipeline with `wherry drop` and run it for a new copy."
            )
        case .notSent:
            return Failure(
                .unexpected, "\(place) was not sent and is needed for a whole document",
                hint:
                    "The source left an unchanged large value out where it was needed: this is a defect. Please report it."
            )
        case .evaluation(let fault):
            return Failure(
                .dataRefused, "\(place) \(fault.rawValue) in a row",
                hint: "Correct the row, or guard the expression: CASE and NULLIF keep such values out.")
        case .nullKey:
            return Failure(
                .unexpected, "\(place) is null and part of the key",
                hint: "A primary key has no nulls: this is a defect. Please report it with the server's version.")
        }
    }
}
