-- Every publication of this database with its tables, one row a table; a publication without tables is one row. A
-- partitioned table is one table however it is published, and its partitions are none then.
-- Nothing here may wait for a lock on a table, as pg_get_publication_tables does from 16 on, and as the text of a row
-- filter does (list_row_filters.sql): it is asked while everything else runs. So the tables are looked up in the catalogue.
-- is_via_root: publish_via_partition_root, 13 and later. has_row_filter: of any of the publication's tables.
-- is_filter_outside_identity: the table's row filter asks for columns outside of its replica identity, so that the server
-- refuses UPDATE and DELETE.
WITH schemas AS (
    -- FOR TABLES IN SCHEMA, 15 and later: 6237 is pg_publication_namespace, which isn't there before.
    SELECT s.refobjid AS publication, n.refobjid AS namespace
      FROM pg_catalog.pg_depend s
      JOIN pg_catalog.pg_depend n ON n.classid = s.classid AND n.objid = s.objid
     WHERE s.classid = 6237
       AND s.refclassid = 'pg_catalog.pg_publication'::pg_catalog.regclass
       AND n.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
), members AS (
    SELECT r.prpubid AS publication, r.prrelid AS relid
      FROM pg_catalog.pg_publication_rel r
     UNION
    SELECT a.publication, c.oid
      FROM (SELECT s.publication, s.namespace FROM schemas s
             UNION
            SELECT p.oid, n.oid FROM pg_catalog.pg_publication p, pg_catalog.pg_namespace n WHERE p.puballtables) AS a
      JOIN pg_catalog.pg_class c ON c.relnamespace = a.namespace
     -- What initdb makes has smaller numbers, and can't be published.
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
)
SELECT p.pubname,
       pg_catalog.pg_get_userbyid(p.pubowner) AS owner,
       p.puballtables AS is_for_all_tables,
       p.pubinsert,
       p.pubupdate,
       p.pubdelete,
       p.pubtruncate,
       coalesce((pg_catalog.to_jsonb(p) ->> 'pubviaroot')::pg_catalog.bool, false) AS is_via_root,
       EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                WHERE r.prpubid = p.oid AND pg_catalog.to_jsonb(r) ->> 'prqual' IS NOT NULL) AS has_row_filter,
       c.oid AS table_oid,
       n.nspname AS schema_name,
       c.relname AS table_name,
       c.relkind = 'p' AS is_partitioned,
       EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                WHERE r.prpubid = p.oid AND r.prrelid = c.oid
                  AND pg_catalog.to_jsonb(r) ->> 'prattrs' IS NOT NULL) AS has_column_list,
       c.relreplident <> 'f'
           AND EXISTS (SELECT FROM pg_catalog.pg_publication_rel r
                         JOIN pg_catalog.pg_depend d
                           ON d.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND d.objid = r.oid
                          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.prrelid
                        WHERE r.prpubid = p.oid AND r.prrelid = c.oid
                          AND pg_catalog.to_jsonb(r) ->> 'prqual' IS NOT NULL AND d.refobjsubid > 0
                          AND NOT EXISTS (SELECT FROM pg_catalog.pg_index k
                                           WHERE k.indrelid = c.oid
                                             AND CASE c.relreplident
                                                      WHEN 'd' THEN k.indisprimary AND k.indimmediate
                                                      ELSE k.indisreplident END
                                             AND d.refobjsubid = ANY ((string_to_array(k.indkey::text, ' ')::int2[])
                                                                      [1:k.indnkeyatts])))
           AS is_filter_outside_identity
  FROM pg_catalog.pg_publication p
  LEFT JOIN (members m
             JOIN pg_catalog.pg_class c ON c.oid = m.relid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
         ON m.publication = p.oid
        AND NOT (c.relispartition
                 AND EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) AS a (relid)
                               JOIN members o ON o.publication = m.publication AND o.relid = a.relid
                              WHERE a.relid <> c.oid))
 ORDER BY p.pubname, schema_name, table_name;
