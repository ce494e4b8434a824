-- The conditions by which publications filter rows (15 and later), as the server writes them, a row a table. Waits for a
-- session that has such a table locked for itself; Wherry asks for its own publication's.
SELECT t.pubname,
       t.schemaname AS schema_name,
       t.tablename AS table_name,
       pg_catalog.to_jsonb(t) ->> 'rowfilter' AS row_filter
  FROM pg_catalog.pg_publication_tables t
 WHERE pg_catalog.to_jsonb(t) ->> 'rowfilter' IS NOT NULL
 ORDER BY t.pubname, t.schemaname, t.tablename;
