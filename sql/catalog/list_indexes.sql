-- Every index of the tables in list_tables.sql, a row for each column of its key; without those of primary keys, of
-- exclusion constraints, and those that are not valid. (Columns an index only INCLUDEs are none of its key.)
-- column_name: NULL for an expression, which definition shows. predicate: of a partial index. ignores_differences: its
-- collation takes values for equal that are not the same bytes. nulls_are_equal: NULLS NOT DISTINCT (PostgreSQL 15).
SELECT i.indrelid AS table_oid,
       ic.relname AS index_name,
       am.amname AS method,
       i.indisunique AS is_unique,
       COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_are_equal,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
       a.attname AS column_name,
       pg_catalog.pg_get_indexdef(i.indexrelid, k.position, true) AS definition,
       ((pg_catalog.string_to_array(i.indoption::text, ' ')::int2[])[k.position] & 1) = 1 AS is_descending,
       COALESCE(NOT co.collisdeterministic, false) AS ignores_differences
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_catalog.pg_am am ON am.oid = ic.relam
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL pg_catalog.generate_series(1, i.indnkeyatts::int) AS k (position)
  LEFT JOIN pg_catalog.pg_attribute a
         ON a.attrelid = i.indrelid AND a.attnum > 0
        AND a.attnum = (pg_catalog.string_to_array(i.indkey::text, ' ')::int2[])[k.position]
  LEFT JOIN pg_catalog.pg_collation co
         ON co.oid = (pg_catalog.string_to_array(i.indcollation::text, ' ')::oid[])[k.position]
 WHERE NOT i.indisprimary
   AND NOT i.indisexclusion
   AND i.indisvalid
   AND c.relkind IN ('r', 'p')
   AND n.nspname <> 'information_schema'
   AND n.nspname !~ '^pg_'
 ORDER BY i.indrelid, ic.relname, k.position;
