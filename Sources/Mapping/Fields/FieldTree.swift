import BSON
import Model

/// The fields of a document, in order: a document inside stands where its first field came.
struct FieldTree {
    enum Source: Hashable {
        case column(Int)
        case computed(Int)
        case constant
    }

    struct Node {
        let name: String
        /// nil for a document.
        let source: Source?
        var below: [Node] = []
    }

    private(set) var fields: [Node] = []

    /// Why a field can't be where it is asked for.
    enum Conflict: Error, Hashable {
        /// Another field is at the path, or inside of it, or around it.
        case taken(String)
        case emptyPart
        case dollar(String)
        case nul
        case id
        case depth
    }

    /// MongoDB takes 100 levels (MongoDB limits, "Nested Depth"); values may have some of their own.
    static let mostLevels = 20

    /// - Parameters:
    ///   - path: the names of the documents around it, and its own.
    ///   - isPlain: whether a single name may hold anything, as that of a column.
    mutating func add(_ path: [String], _ source: Source, isPlain: Bool = false) throws(Conflict) {
        guard path.count <= FieldTree.mostLevels else { throw .depth }
        for name in path {
            // A column without a name stands for those of a table that is gone.
            if name.isEmpty, !isPlain { throw .emptyPart }
            if name.utf8.contains(0) { throw .nul }
            if !isPlain, name.hasPrefix("$") { throw .dollar(name) }
        }
        if path.first == "_id" { throw .id }
        try FieldTree.add(path[...], source, to: &fields, within: [])
    }

    /// A field of `_id`, which may be called that itself.
    mutating func addKey(_ name: String, _ source: Source) throws(Conflict) {
        try FieldTree.add([name], source, to: &fields, within: [])
    }

    private static func add(
        _ path: ArraySlice<String>, _ source: Source, to fields: inout [Node], within around: [String]
    ) throws(Conflict) {
        guard let name = path.first else { return }
        let here = around + [name]
        let isLeaf = path.count == 1
        guard let position = fields.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            var node = Node(name: name, source: isLeaf ? source : nil)
            if !isLeaf { try add(path.dropFirst(), source, to: &node.below, within: here) }
            return fields.append(node)
        }
        guard !isLeaf, fields[position].source == nil else { throw .taken(here.joined(separator: ".")) }
        try add(path.dropFirst(), source, to: &fields[position].below, within: here)
    }
}

extension CollectionMapping {
    /// The path of a column's field.
    package func path(of column: String) -> [String] {
        if let path = rename[column] {
            return path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        }
        return [fieldCase.name(of: column)]
    }

    /// Whether some field lies in a document inside, or may be missing: then a part of a row is written by building the
    /// document anew, in the order it has when it is whole.
    var isStructured: Bool {
        nulls == .omit || rename.values.contains { $0.contains(".") } || computed.contains { $0.path.contains(".") }
    }

    /// Whether the column is left out; those of the key never are.
    func leavesOut(_ column: String) -> Bool {
        // A field in some documents and not in others would show which rows have a value.
        if masks[column] == .null, nulls == .omit { return true }
        return switch columns {
        case .all: false
        case .keep(let names): !names.contains(column)
        case .drop(let names): names.contains(column)
        }
    }
}

extension CollectionMapping.FieldCase {
    /// The name of a column in this case: `ship_to_city` is `shipToCity` in camel case, and the other way round.
    package func name(of column: String) -> String {
        switch self {
        case .keep: column
        case .camel: camel(column)
        case .snake: snake(column)
        }
    }

    /// An underscore goes, and what follows it is a capital; those before the first letter and after the last stay.
    private func camel(_ name: String) -> String {
        var result = ""
        var pending = 0
        for character in name {
            if character == "_" {
                pending += 1
            } else if pending > 0, !result.isEmpty, result.contains(where: { $0 != "_" }) {
                result += character.uppercased()
                pending = 0
            } else {
                result += String(repeating: "_", count: pending) + String(character)
                pending = 0
            }
        }
        return result + String(repeating: "_", count: pending)
    }

    /// A capital becomes small, with an underscore before it unless there is one, or a capital, already.
    private func snake(_ name: String) -> String {
        var result = ""
        var last: Character = "_"
        for character in name {
            if character.isUppercase, last != "_", !last.isUppercase { result += "_" }
            result += character.lowercased()
            last = character
        }
        return result
    }
}
