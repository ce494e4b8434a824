-- What a server and a role allow, in one row. A setting that this server doesn't have, or doesn't show to the role, is
-- NULL.
SELECT pg_catalog.current_setting('server_version') AS version,
       pg_catalog.current_setting('server_version_num')::int AS version_num,
       pg_catalog.current_setting('wal_level') AS wal_level,
       pg_catalog.current_setting('max_replication_slots')::int AS max_slots,
       (SELECT count(*) FROM pg_catalog.pg_replication_slots) AS used_slots,
       pg_catalog.current_setting('max_wal_senders')::int AS max_senders,
       (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.backend_type = 'walsender') AS used_senders,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'wal_sender_timeout') AS wal_sender_timeout_ms,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'max_slot_wal_keep_size') AS keep_size_mb,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'output_plugin_libraries') AS output_plugins,
       pg_catalog.current_setting('synchronous_standby_names') AS synchronous_standbys,
       pg_catalog.current_setting('server_encoding') AS encoding,
       pg_catalog.pg_is_in_recovery() AS is_in_recovery,
       extract(epoch FROM pg_catalog.clock_timestamp()) AS clock_seconds,
       pg_catalog.pg_backend_pid() AS backend_pid,
       current_user AS role_name,
       pg_catalog.current_database() AS database_name,
       r.rolsuper AS is_superuser,
       r.rolreplication
           OR EXISTS (SELECT FROM pg_catalog.pg_roles g
                       WHERE g.rolname IN ('rds_replication', 'rds_superuser')
                         AND pg_catalog.pg_has_role(r.oid, g.oid, 'USAGE')) AS can_replicate,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS can_create_publication,
       (SELECT pg_catalog.string_agg(DISTINCT pg_catalog.split_part(s.name, '.', 1), ',')
          FROM pg_catalog.pg_settings s
         WHERE s.name ~ '^(rds|cloudsql|azure|neon|alloydb)\.') AS managed_by
  FROM pg_catalog.pg_roles r
 WHERE r.rolname = current_user;
