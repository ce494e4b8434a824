import Foundation
import Logging
import Model
import Testing

@testable import WherryCommand

@Suite struct LogLineTests {
    private let time = "2026-11-21T04:20:41.123Z"

    @Test func text() {
        let line = LogLine(
            time: time, level: "info", message: "streaming",
            fields: [
                "lag_bytes": .stringConvertible(0), "waiting": "slot is in use", "empty": "", "quote": "a\"b",
                "path": "a\\b", "lines": "a\nb\u{7}", "pair": "a=b",
            ])
        #expect(
            line.rendered(as: .text)
                == #"2026-11-21T04:20:41.123Z info streaming  empty="" lag_bytes=0 lines="a\nb\u{7}" pair="a=b" path="a\\b" quote="a\"b" waiting="slot is in use""#
        )
    }

    @Test func textWithoutFields() {
        let line = LogLine(time: time, level: "error", message: "two\nlines", fields: [:])
        #expect(line.rendered(as: .text) == #"2026-11-21T04:20:41.123Z error two\nlines"#)
    }

    @Test func json() throws {
        let line = LogLine(
            time: time, level: "info", message: "streaming",
            fields: [
                "lag_bytes": .stringConvertible(UInt64.max), "lag_seconds": .stringConvertible(0.25),
                "lsn": "0/16B3748",
                "is_idle": .stringConvertible(true), "list": ["a", .stringConvertible(1)], "text": "a\n\"b\"",
                "number": "7",
            ])
        #expect(
            line.rendered(as: .json)
                == #"{"fields":{"is_idle":true,"lag_bytes":18446744073709551615,"lag_seconds":0.25,"list":["a",1],"lsn":"0/16B3748","number":"7","text":"a\n\"b\""},"level":"info","message":"streaming","time":"2026-11-21T04:20:41.123Z"}"#
        )
    }

    @Test func theHandlerMergesAndRedacts() {
        let sink = TextSink()
        let console = Console(isTerminal: false, write: { sink.append($0) })
        var logger = Logger(label: "test") { _ in ConsoleLogHandler(format: .text, level: .info, console: console) }
        logger[metadataKey: "pipeline"] = "shop"
        logger.debug("not this one")
        logger.info("connected", metadata: ["to": "postgres://u:s3cr3t@h/db"])
        #expect(sink.lines.count == 1)
        #expect(sink.text.hasSuffix(" info connected  pipeline=shop to=postgres://u:***@h/db\n"))
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (1_795_235_641_123, "2026-11-21T04:34:01.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"), (-1000, "1969-12-31T23:59:59.000Z"), (-1001, "1969-12-31T23:59:58.999Z"),
        (5, "1970-01-01T00:00:00.005Z"),
    ])
    func timestamps(milliseconds: Int64, text: String) { #expect(Timestamp.text(milliseconds: milliseconds) == text) }

    @Test func logKeysAreSnakeCase() {
        for key in LogKey.allCases {
            #expect(key.rawValue.wholeMatch(of: /[a-z]+(_[a-z]+)*/) != nil, "\(key.rawValue)")
        }
    }
}

@Suite struct RedactionTests {
    @Test(arguments: [
        ("connecting to postgres://u:s3cr3t@h/db failed", "connecting to postgres://u:***@h/db failed"),
        ("mongodb://u:s3@cr3t@h/db and mongodb://h/db", "mongodb://u:***@h/db and mongodb://h/db"),
        ("mongodb+srv://u:s3%40cr3t@h", "mongodb+srv://u:***@h"),
        ("postgres://:s3cr3t@h", "postgres://:***@h"),
        ("host=h password=s3cr3t user=u", "host=h password=*** user=u"),
        ("host=h password = 's3 cr\\'3t' user=u", "host=h password = *** user=u"),
        ("postgres://h/db?password=s3cr3t&sslmode=x", "postgres://h/db?password=***&sslmode=x"),
        ("sslpassword=s3cr3t", "sslpassword=***"),
        ("nothing to hide: a@b", "nothing to hide: a@b"),
        ("postgres://u@h/db", "postgres://u@h/db"),
        ("password authentication failed for user \"u\"", "password authentication failed for user \"u\""),
    ])
    func texts(text: String, redacted: String) { #expect(Redaction.redact(text) == redacted) }
}

@Suite struct ErrorReportTests {
    private let failure = Failure(.dataGap, "the slot is ahead", hint: "Run 'wherry drop shop'.")

    @Test func text() {
        #expect(
            ErrorReport(failure).rendered(as: .text)
                == "wherry: the slot is ahead\nhint: Run 'wherry drop shop'.")
        #expect(
            ErrorReport(Failure(.unexpected, "two\nlines")).rendered(as: .text)
                == "wherry: two lines\nhint: Please report it with this text and the output of 'wherry version'.")
    }

    @Test func json() {
        #expect(
            ErrorReport(failure).rendered(as: .json)
                == #"{"error":{"exit_code":76,"hint":"Run 'wherry drop shop'.","kind":"data_gap","message":"the slot is ahead"},"schema_version":1}"#
        )
    }

    @Test func anythingElseIsUnexpected() {
        struct Odd: Error { let uri = "postgres://u:s3cr3t@h" }
        let failure = ErrorReport.failure(from: Odd())
        #expect(failure.exitCode == .unexpected)
        #expect(!ErrorReport(failure).rendered(as: .text).contains("s3cr3t"))
        #expect(ErrorReport.failure(from: CancellationError()).message == "the work was cancelled")
    }
}
