-- Every column of the tables in list_tables.sql. key_position: 1 for the first column of the primary key, and so on;
-- is_identity: it belongs to the replica identity. (Columns an index only INCLUDEs belong to neither.)
SELECT c.oid AS table_oid,
       a.attname AS column_name,
       a.attnum AS number,
       a.atttypid AS type_oid,
       a.atttypmod AS type_modifier,
       a.attnotnull AS is_not_null,
       a.attgenerated <> '' AS is_generated,
       (SELECT pg_catalog.array_position((string_to_array(k.indkey::text, ' ')::int2[])[1:k.indnkeyatts], a.attnum)
          FROM pg_catalog.pg_index k
         WHERE k.indrelid = c.oid AND k.indisprimary) AS key_position,
       CASE c.relreplident
            WHEN 'f' THEN true
            WHEN 'n' THEN false
            ELSE EXISTS (SELECT FROM pg_catalog.pg_index k
                          WHERE k.indrelid = c.oid
                            AND CASE c.relreplident WHEN 'd' THEN k.indisprimary AND k.indimmediate
                                     ELSE k.indisreplident END
                            AND a.attnum = ANY ((string_to_array(k.indkey::text, ' ')::int2[])[1:k.indnkeyatts]))
       END AS is_identity
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f')
   AND n.nspname <> 'information_schema'
   AND n.nspname !~ '^pg_'
   AND a.attnum > 0
   AND NOT a.attisdropped
 ORDER BY c.oid, a.attnum;
