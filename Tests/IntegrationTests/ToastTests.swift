import DevServers
import Model
import TestSupport
import Testing

/// Large values that the stream does not repeat.
@Suite(.onServers) struct ToastTests {
    enum Identity: String, CaseIterable {
        case key
        case full = "ALTER TABLE public.papers REPLICA IDENTITY FULL"
        case index = """
            CREATE UNIQUE INDEX papers_identity ON public.papers (id, code);
            ALTER TABLE public.papers REPLICA IDENTITY USING INDEX papers_identity
            """
    }

    @Test(arguments: Identity.allCases, OutputPlugin.allCases)
    func survive(_ identity: Identity, by plugin: OutputPlugin) async throws {
        let fixture = try await PipelineFixture("toast")
        let limits = BatchSizes(plugin: plugin)
        try await fixture.sql(
            """
            CREATE TABLE public.papers (
                id integer PRIMARY KEY, code text NOT NULL, title text, body text, scan bytea);
            ALTER TABLE public.papers ALTER COLUMN body SET STORAGE EXTERNAL, ALTER COLUMN scan SET STORAGE EXTERNAL;
            """)
        try await fixture.sql(Self.rows)
        if identity != .key { try await fixture.sql(identity.rawValue) }
        try await fixture.catchUp(limits: limits)
        for changes in Self.batches {
            // Each is a transaction of its own, all are one batch.
            for change in changes { try await fixture.sql(change) }
            try await fixture.catchUp(limits: limits)
            #expect(try await fixture.compare() == [], "after \(changes)")
        }
        try await fixture.sql("DELETE FROM public.papers; " + Self.rows)
        try await fixture.catchUp(limits: limits)
        for change in Self.batches.joined() { try await fixture.sql(change) }
        try await fixture.catchUp(limits: limits)
        #expect(try await fixture.compare() == [], "after all in one batch")
    }

    private static let rows = """
        INSERT INTO public.papers
        SELECT g, 'c' || g, 't', repeat(md5(g::text), 300), decode(repeat(md5(g::text), 400), 'hex')
        FROM generate_series(1, 12) g
        """

    private static let batches = [
        ["UPDATE public.papers SET title = 'new' WHERE id = 1"],
        ["UPDATE public.papers SET id = 102 WHERE id = 2"],
        ["UPDATE public.papers SET title = 'x', body = 'short' WHERE id = 1"],
        [
            "UPDATE public.papers SET id = 103 WHERE id = 3", "UPDATE public.papers SET id = 203 WHERE id = 103",
            "UPDATE public.papers SET title = 'moved twice' WHERE id = 203",
        ],
        [
            "UPDATE public.papers SET title = 'before' WHERE id = 4", "UPDATE public.papers SET id = 104 WHERE id = 4",
            "INSERT INTO public.papers VALUES (4, 'again', 'here', repeat('z', 9000), NULL)",
            "UPDATE public.papers SET id = 204 WHERE id = 4", "UPDATE public.papers SET title = 'z' WHERE id = 204",
        ],
        // Two rows change places.
        [
            "UPDATE public.papers SET id = 999 WHERE id = 5", "UPDATE public.papers SET id = 5 WHERE id = 6",
            "UPDATE public.papers SET id = 6 WHERE id = 999",
        ],
        // There and back.
        ["UPDATE public.papers SET id = 107 WHERE id = 7", "UPDATE public.papers SET id = 7 WHERE id = 107"],
        [
            "UPDATE public.papers SET id = 108 WHERE id = 8", "DELETE FROM public.papers WHERE id = 108",
            "INSERT INTO public.papers VALUES (8, 'c8', 'anew', repeat('y', 9000), NULL)",
        ],
        // A chain in one statement: 9 to 10 to 11 to 12 to 13.
        [
            "DELETE FROM public.papers WHERE id = 13",
            "UPDATE public.papers SET id = -id - 1 WHERE id BETWEEN 9 AND 12; "
                + "UPDATE public.papers SET id = -id WHERE id < 0",
        ],
        ["UPDATE public.papers SET code = code || '!', title = 'code' WHERE id > 8"],
    ]
}
