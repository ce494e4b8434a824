import Model
import Testing

@testable import Replication

/// Tables that the stream announces and the pipeline doesn't have.
struct StrangersTests {
    private let own = SampleTable()
    private let stranger = SampleTable("stranger", oid: 2)
    private let leaf = SampleTable("leaf", oid: 3)

    private func make() -> Strangers {
        var strangers = Strangers()
        strangers.add(stranger.version, root: nil)
        strangers.add(leaf.version, root: own.schema.name)
        return strangers
    }

    private func tables(of change: Change?) -> [TableName] {
        switch change {
        case .insert(let table, _), .update(let table, _, _), .delete(let table, _): [table.schema.name]
        case .truncate(let tables): tables.map(\.schema.name)
        case nil: []
        }
    }

    @Test func onlyWhatIsOwnIsLeft() throws {
        for strangers in [make(), Strangers()] {
            for change in [own.insert("1", "n", "d"), own.update("1", "n", "d"), own.delete("1", .null, .null)] {
                #expect(tables(of: try strangers.leaveOut(of: change)) == [own.schema.name])
            }
        }
        for change in [stranger.insert("1", "n", "d"), stranger.delete("1", .null, .null)] {
            #expect(try make().leaveOut(of: change) == nil)
        }
        let both = Change.truncate([stranger.version, own.version])
        #expect(tables(of: try make().leaveOut(of: both)) == [own.schema.name])
        #expect(try make().leaveOut(of: .truncate([stranger.version])) == nil)
    }

    /// The server announces leaves beside their root; a change of one under its own name is one that the root missed.
    @Test func aLeafMayBeAnnouncedButNotChanged() {
        for change in [leaf.insert("1", "n", "d"), .truncate([own.version, leaf.version])] {
            let failure = #expect(throws: Failure.self) { try make().leaveOut(of: change) }
            #expect(failure?.kind == .dataGap)
            #expect(failure?.message.contains("partition public.leaf") == true)
        }
    }

    @Test func aNewVersionTakesTheOldOnesPlace() throws {
        var strangers = make()
        let later = SampleTable("stranger", oid: 2, columns: ["id", "name"])
        strangers.add(later.version, root: nil)
        #expect(try strangers.leaveOut(of: later.insert("1", "n")) == nil)
        #expect(try strangers.leaveOut(of: stranger.insert("1", "n", "d")) != nil)
    }
}
