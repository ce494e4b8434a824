import Model
import Postgres
import Testing

@Suite("Where to connect, and what may be said of it")
struct ConnectionTargetTests {
    @Test(arguments: [
        "postgres://ann:s3cret@db.example:6543/shop", "postgresql://ann:s3cret@db.example:6543/shop?sslmode=disable",
        "postgresql://db.example:6543/shop?user=ann&password=s3cret",
        "host=db.example port=6543 dbname=shop user=ann password=s3cret",
    ])
    func everyFormIsShownWithoutItsPassword(_ text: String) throws {
        let target = try ConnectionTarget(text)
        #expect(target.safeURI == "postgres://ann@db.example:6543/shop")
        #expect(target.address == "db.example:6543")
        #expect(target.database == "shop")
    }

    @Test(arguments: [
        "postgres://ann:s3cret@db:port/shop", "postgres://ann:s3cret@db/shop?s3cret=1",
        "postgres://ann:s3@cret@db/shop",
        "host=db password='s3cret", "s3cret",
    ])
    func whatCannotBeReadIsNotQuoted(_ text: String) throws {
        let failure = try #require(throws: Failure.self) {
            let target = try ConnectionTarget(text)
            // libpq reads a number only when it connects.
            throw Failure(.configuration, "can't connect to \(target.safeURI)")
        }
        #expect(failure.kind == .configuration)
        #expect(!failure.description.contains("cret"))
    }

    @Test func classesOfErrors() throws {
        let target = try ConnectionTarget("postgres://ann:s3cret@db/shop")
        func kind(_ state: String?, _ origin: ServerError.Origin = .server) -> Failure.Kind {
            ServerError(origin, sqlState: state, "words").failure(doing: "ask", at: target).kind
        }
        #expect(kind("28P01", .connecting) == .denied)
        #expect(kind("28000", .connecting) == .denied)
        #expect(kind("3D000", .connecting) == .configuration)
        #expect(kind("57P03", .connecting) == .sourceInterrupted)
        #expect(kind("53300", .connecting) == .sourceInterrupted)
        #expect(kind(nil, .connecting) == .unreachable)
        #expect(kind(nil, .connection) == .sourceInterrupted)
        #expect(kind(nil, .timeout) == .sourceInterrupted)
        #expect(kind("42501") == .denied)
        #expect(kind("55006") == .inUse)
        #expect(kind("55000") == .configuration)
        #expect(kind("53400") == .configuration)
        for state in ["08006", "57P01", "57P02", "57P03", "57014", "40001"] {
            #expect(kind(state) == .sourceInterrupted)
        }
        #expect(kind("XX000") == .unexpected)
    }

    @Test func valuesInMessagesStayOut() throws {
        let target = try ConnectionTarget("postgres://ann:s3cret@db/shop")
        let error = ServerError(.server, sqlState: "22P02", "invalid input syntax for type integer: \"4111-1111\"")
        #expect(!error.failure(doing: "ask", at: target).description.contains("4111"))
    }
}
