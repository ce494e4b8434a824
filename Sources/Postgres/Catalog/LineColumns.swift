import Model

/// The columns of a table when a line of wal2json was written: what the line has, and what the catalogue has now.
package enum LineColumns {
    /// A column as the catalogue has it now.
    package struct Known {
        package let name: String
        package let typeOID: UInt32
        package let isGenerated: Bool
        /// Of variable length: its values may lie outside of the row.
        package let isToastable: Bool
        package let isIdentity: Bool

        package init(name: String, typeOID: UInt32, isGenerated: Bool, isToastable: Bool, isIdentity: Bool) {
            self.name = name
            self.typeOID = typeOID
            self.isGenerated = isGenerated
            self.isToastable = isToastable
            self.isIdentity = isIdentity
        }
    }

    /// A column whose values are never sent, for a table that is gone: a row that has it is never taken for whole. No
    /// real one has an empty name.
    static let unknown = WireRelation.Column(name: "", typeOID: 25, typeModifier: -1, isIdentity: false)

    /// In the table's order, without generated ones. A column that was sent is what the line says; one that was not is
    /// the catalogue's if an unchanged value explains why.
    ///
    /// A whole row doesn't say which of its columns are the identity: of those that the catalogue no longer has each
    /// may be.
    ///
    /// - Parameters:
    ///   - known: nil for a table that is gone.
    ///   - generated: names of columns that were generated, and are gone.
    package static func merge(
        _ sent: [WireRelation.Column], _ known: [Known]?, extent: WireRelation.Extent, generated: Set<String> = []
    ) -> [WireRelation.Column] {
        let sent = sent.filter { !generated.contains($0.name) }.map { column in
            WireRelation.Column(
                name: column.name, typeOID: column.typeOID, typeModifier: -1,
                isIdentity: column.isIdentity || extent == .whole)
        }
        guard let known else { return extent == .whole ? sent : sent + [unknown] }
        let byName = Dictionary(known.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let sentByName = Dictionary(sent.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var columns = known.compactMap { column -> WireRelation.Column? in
            let type = sentByName[column.name]?.typeOID
            switch extent {
            case .announced, .whole: if type == nil { return nil }
            case .withoutToast: if type == nil, !column.isToastable { return nil }
            case .identity: break
            }
            return WireRelation.Column(
                name: column.name, typeOID: type ?? column.typeOID, typeModifier: -1, isIdentity: column.isIdentity)
        }
        // Dropped or renamed since: behind the one they were sent behind.
        for (place, column) in sent.enumerated() where byName[column.name] == nil {
            let before = place == 0 ? nil : columns.firstIndex { $0.name == sent[place - 1].name }
            columns.insert(column, at: before.map { $0 + 1 } ?? 0)
        }
        return columns.filter { byName[$0.name]?.isGenerated != true }
    }
}
