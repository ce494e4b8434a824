-- Every replication slot (a physical one in the place of its plugin) with the WAL it holds, and who is using it. Columns that only newer servers have are
-- read through jsonb, so that the query runs on 12 and later.
SELECT s.slot_name,
       coalesce(s.plugin, 'physical') AS plugin,
       s.database,
       s.active,
       s.active_pid,
       s.temporary,
       s.restart_lsn,
       s.confirmed_flush_lsn,
       pg_catalog.to_jsonb(s) ->> 'wal_status' AS wal_status,
       pg_catalog.to_jsonb(s) ->> 'safe_wal_size' AS safe_wal_size,
       coalesce(pg_catalog.to_jsonb(s) ->> 'invalidation_reason',
                CASE pg_catalog.to_jsonb(s) ->> 'conflicting' WHEN 'true' THEN 'conflict' END) AS invalidation_reason,
       pg_catalog.pg_wal_lsn_diff(
           CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                ELSE pg_catalog.pg_current_wal_lsn() END, s.restart_lsn)::pg_catalog.int8 AS held_bytes,
       a.application_name,
       pg_catalog.host(a.client_addr) AS client_address,
       a.backend_start
  FROM pg_catalog.pg_replication_slots s
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
 ORDER BY s.slot_name;
