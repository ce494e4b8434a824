-- What a database holds besides tables: no change of it is in the stream. One row a kind and schema; large objects have
-- no schema.
SELECT CASE c.relkind WHEN 'S' THEN 'sequences' WHEN 'v' THEN 'views' ELSE 'materialized views' END AS kind,
       n.nspname AS schema_name,
       count(*) AS number,
       (pg_catalog.array_agg(c.relname::text ORDER BY c.relname))[1:5] AS examples
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('S', 'v', 'm')
   AND n.nspname <> 'information_schema'
   AND n.nspname !~ '^pg_'
 GROUP BY 1, 2
UNION ALL
SELECT 'large objects', NULL, count(*), NULL
  FROM pg_catalog.pg_largeobject_metadata
HAVING count(*) > 0
 ORDER BY 1, 2;
