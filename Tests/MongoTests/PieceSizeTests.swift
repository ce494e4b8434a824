import BSON
import Model
import Mongo
import Testing

@Suite struct PieceSizeTests {
    private func documents(_ count: Int, guarded: Bool) -> CollectionWrites {
        let maker = BatchMaker(guardField: guarded ? "at" : nil)
        for id in 0..<count { maker.add(.insert, .int64(Int64(id)), ["_id": .int64(Int64(id))]) }
        return maker.writes
    }

    @Test func beginsSmallWhereAnApplicationWrites() {
        #expect(PieceSize(for: documents(2000, guarded: true)).current == 500)
        #expect(PieceSize(for: documents(20, guarded: true)).current == 20)
        #expect(PieceSize(for: documents(2000, guarded: false)).current == 2000)
        #expect(PieceSize(for: documents(0, guarded: false)).current == 1)
    }

    @Test func halvesAndComesBack() {
        var size = PieceSize(for: documents(9, guarded: false))
        var seen: [Int] = []
        while size.shrink() { seen.append(size.current) }
        #expect(seen == [4, 2, 1])
        for _ in 0..<4 { size.succeed() }
        #expect(size.current == 2)
        for _ in 0..<3 { size.succeed() }
        #expect(size.shrink() && size.current == 1)
        for _ in 0..<40 { size.succeed() }
        #expect(size.current == 9)
    }
}
