import Model

extension MappingPlan {
    /// `where` as a publication's row filter, for PostgreSQL 15 or later; nil without one, and where the server would
    /// refuse it, or could do something else than Wherry: updates of the table would fail if a column were outside of the
    /// replica identity (PostgreSQL documentation, "Row Filters"), and an expression that has no value for a row would
    /// end the stream instead of concerning that row alone.
    package var rowFilter: String? {
        guard let filter, filter.columns.allSatisfy({ schema.columns[$0].isIdentity }) else { return nil }
        return readFilter
    }

    /// `where` as the condition of a query, in any version; nil without one, and where the server could do something else
    /// than Wherry: an expression that has no value for a row would end the query.
    package var readFilter: String? {
        guard let filter, filter.isFilterable, !filter.canFail, !filter.ordersText, !mapping.lacksColumns else {
            return nil
        }
        return filter.sql
    }
}
