import Model

/// A collection that is one table's alone, by its name.
extension CollectionPart: ExpressibleByStringLiteral {
    package init(stringLiteral name: String) { self.init(name) }
}
