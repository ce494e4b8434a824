-- Every table of every schema that is not the system's: ordinary (r), partitioned (p) and foreign (f). root_oid: of a
-- partition, however deep, the partitioned table that is none itself; NULL for one that is being detached.
-- Nothing here may wait for a lock on a table, as pg_relation_size does: it is asked while everything else runs.
SELECT c.oid,
       n.nspname AS schema_name,
       c.relname AS table_name,
       c.relkind AS kind,
       c.relpersistence AS persistence,
       c.relispartition AS is_partition,
       CASE WHEN c.relispartition THEN nullif(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid) END AS root_oid,
       (SELECT pg_catalog.string_agg(pn.nspname || '.' || p.relname, ', ' ORDER BY pn.nspname, p.relname)
          FROM pg_catalog.pg_inherits h
          JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
          JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
         WHERE h.inhrelid = c.oid AND p.relkind <> 'p') AS parents,
       (SELECT pg_catalog.string_agg(pn.nspname || '.' || p.relname, ', ' ORDER BY pn.nspname, p.relname)
          FROM pg_catalog.pg_inherits h
          JOIN pg_catalog.pg_class p ON p.oid = h.inhrelid
          JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
         WHERE h.inhparent = c.oid AND c.relkind <> 'p') AS children,
       c.relreplident AS replica_identity,
       c.relrowsecurity AS has_row_security,
       c.relforcerowsecurity AS is_row_security_forced,
       pg_catalog.row_security_active(c.oid) AS is_row_security_active,
       pg_catalog.has_table_privilege(c.oid, 'SELECT') AS is_selectable,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_owned,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS is_schema_usable,
       EXISTS (SELECT FROM pg_catalog.pg_index k
                WHERE k.indrelid = c.oid AND k.indisprimary AND NOT k.indimmediate) AS has_deferrable_key,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner,
       greatest(c.reltuples, 0)::int8 AS estimated_rows
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'f')
   AND n.nspname <> 'information_schema'
   AND n.nspname !~ '^pg_'
 ORDER BY n.nspname, c.relname;
