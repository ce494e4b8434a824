-- Every type, as far as a codec needs it. An array is what array_out prints, whatever its category says;
-- is_sendable: it has a binary form (typsend) of its own. bound_oid: of a range, or of a multirange's ranges.
-- attributes: of a composite type, each its name in hexadecimal, a colon, its type; of a table's row type only where
-- something has that type.
WITH used AS (
    SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped
     UNION SELECT typbasetype FROM pg_catalog.pg_type
     UNION SELECT typelem FROM pg_catalog.pg_type WHERE typtype = 'd'
     UNION SELECT rngsubtype FROM pg_catalog.pg_range
)
SELECT t.oid,
       pg_catalog.format_type(t.oid, NULL) AS name,
       t.typname AS plain_name,
       t.typtype AS kind,
       t.typbasetype AS base_oid,
       t.typtypmod AS base_modifier,
       t.typelem AS element_oid,
       e.typdelim AS delimiter,
       COALESCE(r.rngsubtype, m.rngsubtype) AS bound_oid,
       x.extname AS extension,
       c.attributes,
       t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc AS is_array,
       t.typsend::pg_catalog.oid <> 0 AS is_sendable,
       -- hstore_send writes the lengths of before the conversion to the client's encoding.
       COALESCE(x.extname = 'hstore', false)
           AND pg_catalog.current_setting('server_encoding') NOT IN ('UTF8', 'SQL_ASCII') AS is_broken_in_binary
  FROM pg_catalog.pg_type t
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
  LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid AND t.typtype = 'r'
  LEFT JOIN pg_catalog.pg_range m -- by name, because there is no such column before PostgreSQL 14
         ON t.typtype = 'm' AND (pg_catalog.to_jsonb(m) ->> 'rngmultitypid')::pg_catalog.oid = t.oid
  LEFT JOIN pg_catalog.pg_depend d
         ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
  LEFT JOIN LATERAL (
           SELECT pg_catalog.string_agg(
                      pg_catalog.encode(pg_catalog.convert_to(a.attname::pg_catalog.text, 'UTF8'), 'hex')
                          || ':' || a.atttypid::pg_catalog.text,
                      ',' ORDER BY a.attnum) AS attributes
             FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
              AND t.typtype = 'c'
              AND (EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = t.typrelid AND k.relkind = 'c')
                   OR t.oid IN (SELECT oid FROM used) OR t.typarray IN (SELECT oid FROM used))
       ) c ON true
 ORDER BY t.oid;
