import Testing

@testable import WherryCommand

/// Texts as `pg_get_expr` of PostgreSQL 15 writes them.
@Suite struct IndexPredicateTests {
    @Test(arguments: [
        ("(deleted_at IS NULL)", ["deleted_at": IndexPredicate.Test.isNull]),
        ("(email IS NOT NULL)", ["email": .isNotNull]),
        ("is_active", ["is_active": .isTrue]),
        ("(NOT is_active)", ["is_active": .isFalse]),
        ("(is_active = true)", ["is_active": .isTrue]),
        ("(status = 'open'::text)", ["status": .text("open")]),
        ("((status)::text = 'it''s open'::text)", ["status": .text("it's open")]),
        ("(mood = 'sad'::public.mood)", ["mood": .text("sad")]),
        ("(kind = '-5'::integer)", ["kind": .text("-5")]),
        (
            "((kind = 3) AND (deleted_at IS NULL) AND live)",
            ["kind": .number("3"), "deleted_at": .isNull, "live": .isTrue]
        ),
        (
            "((\"my \"\"AND\"\" (column\" = 3) AND (a = ' AND ('::text))",
            ["my \"AND\" (column": .number("3"), "a": .text(" AND (")]
        ),
    ])
    func whatIsUnderstood(_ text: String, tests: [String: IndexPredicate.Test]) {
        #expect(IndexPredicate(text)?.tests == tests)
    }

    @Test(arguments: [
        "(a > 3)", "((a = 3) OR (b = 4))", "(a = b)", "(lower(a) = 'x'::text)", "((a = 3) AND (a = 4))",
        "(a = ANY (ARRAY[1, 2]))", "(NOT (a = 3))", "((a + 1) = 3)", "(a <> 3)", "(a = 3.5)", "", "true",
        "(a IS DISTINCT FROM 3)", "((a = 3) AND", "(a = 'x'::text || 'y'::text)",
    ])
    func whatIsNot(_ text: String) {
        #expect(IndexPredicate(text) == nil)
    }
}
