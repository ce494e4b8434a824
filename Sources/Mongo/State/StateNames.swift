import BSON
import Model

/// Collections of the state database.
enum StateCollection {
    /// One document a pipeline, `_id` its name.
    static let pipelines = "pipelines"
    /// One document a table and collection, `_id` {pipeline, schema, table}, with `collection` where it isn't the table's
    /// first.
    static let tables = "tables"
    /// Keys that an initial copy has written into a collection that was not empty, `_id` {pipeline, collection, key},
    /// each with the attempt that wrote it last.
    static let copiedKeys = "copied_keys"

    /// Rows that have to be read again, `_id` {pipeline, collection, key}, with `cause` "change" where it isn't the
    /// backfill's.
    static let rereads = "rereads"

    /// Changes that could not be written, `_id` {pipeline, sequence}.
    static let deadLetters = "dead_letters"

    /// What `wherry set` has set, and how often something was asked of letters, one document a pipeline, `_id` its name.
    static let controls = "controls"

    /// What a worker says of itself, one document a pipeline, `_id` its name.
    static let workers = "workers"

    /// Copies from an exported snapshot that others may join, one document a pipeline, `_id` its name.
    static let copies = "copies"
    /// Their ranges, `_id` {pipeline, epoch, attempt, number}.
    static let copyRanges = "copy_ranges"

    static let all = [pipelines, tables, copiedKeys, rereads, deadLetters, controls, workers, copies, copyRanges]

    /// All letters of a pipeline, as a range of `_id` that its index serves.
    static func letters(of pipeline: String) -> BSONValue {
        func bound(_ sequence: BSONValue) -> BSONValue {
            ["pipeline": .string(pipeline), "sequence": sequence]
        }
        return ["$gt": bound(.minKey), "$lt": bound(.maxKey)]
    }

    /// All ranges of a copy, as a range of `_id` that its index serves.
    static func ranges(of copy: SharedCopy) -> BSONValue {
        func bound(_ number: BSONValue) -> BSONValue {
            [
                "pipeline": .string(copy.pipeline), "epoch": .int64(copy.epoch),
                "attempt": .int64(Int64(copy.attempt)), "number": number,
            ]
        }
        return ["$gt": bound(.minKey), "$lt": bound(.maxKey)]
    }

    /// All ranges of a pipeline's copies up to an epoch.
    static func ranges(of pipeline: String, through epoch: Int64) -> BSONValue {
        func bound(_ epoch: BSONValue, _ attempt: BSONValue) -> BSONValue {
            ["pipeline": .string(pipeline), "epoch": epoch, "attempt": attempt]
        }
        return ["$gt": bound(.minKey, .minKey), "$lt": bound(.int64(epoch), .maxKey)]
    }

    /// All keys of a collection, or of a part of it, in `copiedKeys` or `rereads`, as a range of `_id` that its index
    /// serves.
    static func keys(of part: CollectionPart, in pipeline: String) -> BSONValue {
        func bound(_ key: BSONValue) -> BSONValue {
            ["pipeline": .string(pipeline), "collection": .string(part.collection), "key": key]
        }
        return ["$gt": bound(part.bounds?.first ?? .minKey), "$lt": bound(part.bounds?.end ?? .maxKey)]
    }
}

/// Shape of every state document. Raised when a change is not merely additive.
let stateSchemaVersion: Int32 = 1

extension BSONValue {
    static func time(_ time: SourceTime?) -> BSONValue { time.map { .date($0.unixMilliseconds) } ?? .null }

    /// A BSON date as a moment of the source's clock (milliseconds are all it holds).
    var asTime: SourceTime? {
        asDate.map { SourceTime(microseconds: ($0 - SourceTime.epochOffsetSeconds * 1000) * 1000) }
    }

    var asLSN: LSN? { asString.flatMap { LSN($0) } }
}

/// Session ids as the state holds them: an array of UUIDs.
func sessionList(_ sessions: [SessionID]) -> BSONValue { .array(sessions.map { .binary(subtype: 4, $0.bytes) }) }

let majority: BSONValue = ["w": "majority"]
