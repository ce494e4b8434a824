-- Every type, as far as a codec needs it. An array is what array_out prints, whatever its category says;
-- is_sendable: it has a binary form (typsend) of its own.
SELECT t.oid,
       pg_catalog.format_type(t.oid, NULL) AS name,
       t.typtype AS kind,
       t.typbasetype AS base_oid,
       t.typelem AS element_oid,
       e.typdelim AS delimiter,
       t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc AS is_array,
       t.typsend::pg_catalog.oid <> 0 AS is_sendable
  FROM pg_catalog.pg_type t
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
 ORDER BY t.oid;
