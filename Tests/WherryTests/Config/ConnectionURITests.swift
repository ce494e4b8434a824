import Model
import TestSupport
import Testing

@testable import WherryCommand

@Suite struct ConnectionURITests {
    @Test(arguments: [
        ("postgres://u:pw@h:5432/db?sslmode=require", "postgres://u@h:5432/db"),
        ("postgresql://u:p%40w@h/db", "postgresql://u@h/db"),
        ("postgres://h/db?user=u&password=pw", "postgres://h/db"),
        ("postgres://:pw@h/db", "postgres://h/db"),
        ("postgres://u@h1:1,h2:2/", "postgres://u@h1:1,h2:2"),
        ("postgres://%2Frun%2Fpostgresql/db", "postgres://%2Frun%2Fpostgresql/db"),
        ("postgres://u:pw@[::1]:5432/my%20db", "postgres://u@[::1]:5432/my db"),
        (
            "host=h port=5432 dbname='my db' user=u password='p w\\'x' sslmode=require",
            "host=h port=5432 dbname=my db user=u"
        ),
        ("password = pw  host = h", "host=h"),
    ])
    func sources(text: String, safe: String) throws {
        let uri = try SourceURI(text)
        #expect(uri.safe == safe)
        #expect(uri.reveal() == text)
        #expect(!"\(uri)".contains("pw"))
    }

    @Test(arguments: [
        ("mongodb://u:pw@h:27017/shop?replicaSet=rs0", "mongodb://u@h:27017/shop", "shop"),
        ("mongodb+srv://u:p%2Fw@cluster.example/shop", "mongodb+srv://u@cluster.example/shop", "shop"),
        ("mongodb://a:1,b:2/shop", "mongodb://a:1,b:2/shop", "shop"),
        ("MONGODB://h/sh%6Fp", "mongodb://h/shop", "shop"),
    ])
    func targets(text: String, safe: String, database: String) throws {
        let uri = try TargetURI(text)
        #expect(uri.safe == safe)
        #expect(uri.database == database)
        #expect(uri.reveal() == text)
    }

    /// A password with characters that ought to be encoded: nobody can say where it ends, so nothing of it is shown.
    @Test(arguments: [
        "postgres://u:s3/cr3t@h/db", "postgres://u:s3?cr3t@h/db", "postgres://u:s3@cr3t@h/db",
        "postgres://u:s3#cr3t@h/db", "postgres://u:s3:cr3t@h/db", "postgres://u:s3@cr/3t@h/db", "password='s3cr3t",
        "s3cr3t", "host=h s3cr3t", "postgres://u:s3cr3t@h/d%zz", "postgres://u:s3cr3t@h/d%F", "mysql://u:s3cr3t@h/db",
        "mongodb://u:s3cr3t@h/db", "://u:s3cr3t@h", "host=h password=s3cr3t\\", "",
    ])
    func unreadableSources(text: String) throws {
        let failure = try #require(failure { try SourceURI(text) })
        #expect(failure.exitCode == .configuration)
        for piece in ["s3", "cr3t", "3t@"] { #expect(!"\(failure)".contains(piece)) }
    }

    @Test(arguments: [
        ("mongodb://u:s3cr3t@h", "the target URI names no database"),
        ("mongodb://u:s3cr3t@h/?a=b", "the target URI names no database"),
        ("mongodb://u:s3@cr3t@h/db", "the target URI can't be read"),
        ("postgres://u:s3cr3t@h/db", "the target URI must begin with mongodb:// or mongodb+srv://"),
        ("mongodb://u:s3cr3t@h/admin", "the target URI's database is 'admin', which belongs to MongoDB itself"),
        (
            "mongodb://u:s3cr3t@h/a.b",
            "the target URI's database is 'a.b', which MongoDB doesn't allow as a database name"
        ),
    ])
    func refusedTargets(text: String, message: String) {
        let failure = failure { try TargetURI(text) }
        #expect(failure?.message == message)
        #expect(failure.map { "\($0)".contains("cr3t") } == false)
    }

    @Test func secretsPrintAsStars() throws {
        let secret = Secret("s3cr3t")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(describing: secret), String(reflecting: secret), dumped, "\([secret])"] {
            #expect(!text.contains("s3cr3t"))
        }
        var uri = ""
        dump(try SourceURI("postgres://u:s3cr3t@h/db"), to: &uri)
        #expect(!uri.contains("s3cr3t"))
        #expect(secret.reveal() == "s3cr3t")
    }

    @Test func noiseNeverTraps() {
        var random = SeededGenerator(seed: 11)
        let alphabet = Array("postgres://mongodb:@/?#&=%4'\\ .é\0")
        for _ in 0..<2000 {
            let text = String(
                (0..<Int.random(in: 0...30, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
            _ = try? SourceURI(text)
            _ = try? TargetURI("mongodb://" + text)
            _ = TableNameText.parse(text)
            _ = Redaction.redact(text)
        }
    }
}
