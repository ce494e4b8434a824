import BSON
import Model

extension TableShape {
    /// `{oid, columns: [{number, name, type, modifier}]}`
    var bson: BSONValue {
        let columns = columns.map { column -> BSONValue in
            [
                "number": .int32(Int32(clamping: column.number)), "name": .string(column.name),
                "type": .string(column.type), "modifier": .int32(column.modifier),
            ]
        }
        return ["oid": .int64(Int64(oid)), "columns": .array(columns)]
    }

    init?(_ document: BSONDocument) {
        guard let oid = document["oid"]?.asInt64.flatMap({ UInt32(exactly: $0) }),
            let columns = document["columns"]?.asArray?.compactMap(\.asDocument)
        else { return nil }
        self.init(
            oid: oid,
            columns: columns.compactMap { column in
                guard let number = column["number"]?.asInt, let name = column["name"]?.asString,
                    let type = column["type"]?.asString
                else { return nil }
                return Column(
                    number: number, name: name, type: type,
                    modifier: column["modifier"]?.asInt64.flatMap { Int32(exactly: $0) } ?? -1)
            })
    }
}

extension TableMembership {
    /// `"joining"` or `"leaving"`, `"leaving_with_documents"`; nothing is stored of a member.
    var text: String? {
        switch self {
        case .member: nil
        case .joining: "joining"
        case .leaving(let deletesDocuments): deletesDocuments ? "leaving_with_documents" : "leaving"
        }
    }

    init(_ text: String?) {
        switch text {
        case "joining": self = .joining
        case "leaving": self = .leaving(deletesDocuments: false)
        case "leaving_with_documents": self = .leaving(deletesDocuments: true)
        default: self = .member
        }
    }
}

extension LeftTable {
    /// `{schema, table, is_ordered}`
    var bson: BSONValue {
        ["schema": .string(table.schema), "table": .string(table.name), "is_ordered": .bool(isOrdered)]
    }

    init?(_ document: BSONDocument) {
        guard let schema = document["schema"]?.asString, let name = document["table"]?.asString else { return nil }
        self.init(
            table: TableName(schema: schema, name: name), isOrdered: document["is_ordered"]?.asBool ?? false)
    }
}
