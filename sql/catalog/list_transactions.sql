-- Transactions that have written something and are still running, oldest first, prepared ones included: the creation of
-- a logical slot waits for all of them, in every database. They are found by the lock each holds on its own id, which
-- every role may see; state and age of other roles' sessions are NULL without pg_monitor. (Subtransactions hold such a
-- lock too: of a session's ids the top-level one is the oldest.)
SELECT a.pid::text AS pid,
       coalesce(nullif(a.application_name, ''), a.backend_type, 'no application name') AS application_name,
       a.datname AS database,
       a.usename AS role,
       a.state,
       pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start))::int8 AS age_seconds,
       l.xid
  FROM (SELECT DISTINCT ON (o.pid) o.pid,
               o.transactionid AS xid
          FROM pg_catalog.pg_locks o
         WHERE o.locktype = 'transactionid' AND o.mode = 'ExclusiveLock' AND o.granted
         ORDER BY o.pid, pg_catalog.age(o.transactionid) DESC) l
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE a.pid <> pg_catalog.pg_backend_pid()
UNION ALL
SELECT NULL,
       'prepared transaction ' || pg_catalog.quote_literal(p.gid),
       p.database,
       p.owner,
       'prepared',
       pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared))::int8,
       p.transaction
  FROM pg_catalog.pg_prepared_xacts p
 ORDER BY age_seconds DESC NULLS LAST;
