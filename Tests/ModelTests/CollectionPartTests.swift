import BSON
import Model
import TestSupport
import Testing

@Suite struct CollectionPartTests {
    private let part = CollectionPart("things", Discriminator(field: "kind", value: "car"))

    @Test(
        arguments: [
            (["_id": ["kind": "car", "id": 1]], true),
            (["_id": ["kind": "car", "a": 1, "b": "x"]], true),
            (["_id": ["kind": "ca", "id": 1]], false),
            (["_id": ["kind": "cars", "id": 1]], false),
            (["_id": ["kind": 7, "id": 1]], false),
            (["_id": ["kin": "car", "id": 1]], false),
            (["_id": ["id": 1, "kind": "car"]], false),
            (["_id": ["kind": "car"]], false),
            (["_id": "car"], false), (["_id": 1], false), ([:], false),
        ] as [(BSONDocument, Bool)])
    func knowsItsKeys(_ key: BSONDocument, _ isOwn: Bool) {
        #expect(part.contains(key) == isOwn)
        #expect(CollectionPart("things").contains(key))
        #expect(!CollectionPart("others").contains(Reread(collection: "things", key: key)))
        #expect(part.contains(HeldKey(collection: "things", key: key)) == isOwn)
    }

    @Test func aWholeCollectionHasNoBounds() {
        #expect(CollectionPart("things").bounds == nil && CollectionPart("things").filter == [:])
        #expect(part.filter["_id"]?.asDocument?["$gt"] == ["kind": "car"])
        #expect(part.description == "things (kind: car)")
    }
}
