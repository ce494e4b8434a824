-- Every publication of this database with its tables, one row a table; a publication without tables is one row. A
-- partitioned table is one table however it is published: without publish_via_partition_root (13 and later;
-- is_via_root) the server lists and names its leaves instead.
-- Nothing here may wait for a lock on a table, as the text of a row filter does (list_row_filters.sql): it is asked while
-- everything else runs.
-- is_filter_outside_identity: its row filter asks for columns outside of the replica identity, so that the server refuses
-- UPDATE and DELETE.
SELECT DISTINCT
       p.pubname,
       pg_catalog.pg_get_userbyid(p.pubowner) AS owner,
       p.puballtables AS is_for_all_tables,
       p.pubinsert,
       p.pubupdate,
       p.pubdelete,
       p.pubtruncate,
       coalesce((pg_catalog.to_jsonb(p) ->> 'pubviaroot')::pg_catalog.bool, false) AS is_via_root,
       coalesce(rn.nspname, n.nspname) AS schema_name,
       coalesce(r.relname, c.relname) AS table_name,
       r.oid IS NOT NULL OR c.relkind = 'p' AS is_partitioned,
       EXISTS (SELECT FROM pg_catalog.pg_publication_rel pr
                WHERE pr.prpubid = p.oid AND pr.prrelid = t.relid
                  AND pg_catalog.to_jsonb(pr) ->> 'prqual' IS NOT NULL) AS has_row_filter,
       EXISTS (SELECT FROM pg_catalog.pg_publication_rel pr
                WHERE pr.prpubid = p.oid AND pr.prrelid = coalesce(r.oid, c.oid)
                  AND pg_catalog.to_jsonb(pr) ->> 'prattrs' IS NOT NULL) AS has_column_list,
       coalesce(r.relreplident, c.relreplident) <> 'f'
           AND EXISTS (SELECT FROM pg_catalog.pg_publication_rel pr
                         JOIN pg_catalog.pg_depend d
                           ON d.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass AND d.objid = pr.oid
                          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = pr.prrelid
                        WHERE pr.prpubid = p.oid AND pr.prrelid = coalesce(r.oid, c.oid)
                          AND pg_catalog.to_jsonb(pr) ->> 'prqual' IS NOT NULL AND d.refobjsubid > 0
                          AND NOT EXISTS (SELECT FROM pg_catalog.pg_index k
                                           WHERE k.indrelid = pr.prrelid
                                             AND CASE coalesce(r.relreplident, c.relreplident)
                                                      WHEN 'd' THEN k.indisprimary AND k.indimmediate
                                                      ELSE k.indisreplident END
                                             AND d.refobjsubid = ANY ((string_to_array(k.indkey::text, ' ')::int2[])
                                                                      [1:k.indnkeyatts])))
           AS is_filter_outside_identity
  FROM pg_catalog.pg_publication p
  LEFT JOIN LATERAL pg_catalog.pg_get_publication_tables(p.pubname::pg_catalog.text) AS t ON true
  LEFT JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace) ON c.oid = t.relid
  -- The partitioned table that was named, of a leaf that is listed in its place.
  LEFT JOIN (pg_catalog.pg_class r JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace)
         ON c.relispartition
        AND r.oid = (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(c.oid) WITH ORDINALITY AS a (relid, depth)
                       JOIN pg_catalog.pg_publication_rel pr ON pr.prrelid = a.relid AND pr.prpubid = p.oid
                      WHERE a.relid <> c.oid
                      ORDER BY a.depth DESC LIMIT 1)
 ORDER BY p.pubname, schema_name, table_name;
