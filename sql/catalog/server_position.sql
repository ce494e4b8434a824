-- Where the server's log stands. On a standby it is what has been replayed.
SELECT pg_catalog.current_database() AS database_name,
       pg_catalog.pg_is_in_recovery() AS is_in_recovery,
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
            ELSE pg_catalog.pg_current_wal_flush_lsn() END AS flush_lsn,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'wal_sender_timeout') AS wal_sender_timeout_ms;
