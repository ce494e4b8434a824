-- Transactions that have written something and are still running, oldest first, prepared ones included: the creation of
-- a logical slot waits for all of them, in every database.
SELECT a.pid::text AS pid,
       coalesce(nullif(a.application_name, ''), a.backend_type) AS application_name,
       a.datname AS database,
       a.usename AS role,
       a.state,
       pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start))::int8 AS age_seconds
  FROM pg_catalog.pg_stat_activity a
 WHERE a.backend_xid IS NOT NULL
   AND a.pid <> pg_catalog.pg_backend_pid()
UNION ALL
SELECT NULL,
       'prepared transaction ' || p.gid,
       p.database,
       p.owner,
       'prepared',
       pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared))::int8
  FROM pg_catalog.pg_prepared_xacts p
 ORDER BY age_seconds DESC NULLS LAST;
