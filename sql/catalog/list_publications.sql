-- Every publication of this database with its tables, one row a table; a publication without tables is one row.
SELECT p.pubname,
       pg_catalog.pg_get_userbyid(p.pubowner) AS owner,
       p.puballtables AS is_for_all_tables,
       p.pubinsert,
       p.pubupdate,
       p.pubdelete,
       p.pubtruncate,
       t.schemaname AS schema_name,
       t.tablename AS table_name,
       pg_catalog.to_jsonb(t) ->> 'rowfilter' AS row_filter,
       EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                 JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                WHERE r.prpubid = p.oid AND n.nspname = t.schemaname AND c.relname = t.tablename
                  AND pg_catalog.to_jsonb(r) ->> 'prattrs' IS NOT NULL) AS has_column_list
  FROM pg_catalog.pg_publication p
  LEFT JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname
 ORDER BY p.pubname, t.schemaname, t.tablename;
