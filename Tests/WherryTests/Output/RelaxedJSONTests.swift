import BSON
import Testing

@testable import WherryCommand

@Suite struct RelaxedJSONTests {
    @Test(arguments: [
        (BSONValue.int32(7), "7"), (.int64(9_007_199_254_740_993), "9007199254740993"), (1.5, "1.5"),
        (.double(2), "2.0"),
        (.double(.nan), #"{"$numberDouble":"NaN"}"#), (.double(-.infinity), #"{"$numberDouble":"-Infinity"}"#),
        ("a\"\n\u{1}é", #""a\"\n\u0001é""#), (true, "true"), (.null, "null"), (.array([]), "[]"),
        (.document(["a": .array([])]), #"{"a":[]}"#),
        (.date(0), #"{"$date":"1970-01-01T00:00:00Z"}"#),
        (.date(1_700_000_000_007), #"{"$date":"2023-11-14T22:13:20.007Z"}"#),
        (.date(253_402_300_799_999), #"{"$date":"9999-12-31T23:59:59.999Z"}"#),
        (.date(-1), #"{"$date":{"$numberLong":"-1"}}"#),
        (.date(253_402_300_800_000), #"{"$date":{"$numberLong":"253402300800000"}}"#),
        (.binary(subtype: 4, [1, 2, 255]), #"{"$binary":{"base64":"AQL/","subType":"04"}}"#),
    ])
    func values(_ value: BSONValue, json: String) {
        #expect(RelaxedJSON.text(["v": value]) == #"{"v":\#(json)}"#)
    }

    @Test func indented() {
        #expect(
            RelaxedJSON.indented(["_id": 1, "a": ["b": [1, 2], "c": [:]]]) == """
                {
                  "_id": 1,
                  "a": {
                    "b": [
                      1,
                      2
                    ],
                    "c": {}
                  }
                }
                """)
    }
}
