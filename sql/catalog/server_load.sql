-- What the server says of itself and its physical standbys. A role without pg_monitor sees that there are walsenders, but
-- not what they do: then hides_replicas is true. (A walsender with a logical slot is no standby.) The lag is NULL where
-- everything has been replayed, and goes on growing while a standby stands still.
WITH senders AS (
    SELECT r.state,
           r.replay_lag
      FROM pg_catalog.pg_stat_replication r
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s
                        WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
)
SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::pg_catalog.int8 AS clock_microseconds,
       (SELECT pg_catalog.max((extract(epoch FROM s.replay_lag) * 1000)::pg_catalog.int8)
          FROM senders s
         WHERE s.state IN ('streaming', 'catchup')) AS replica_lag_ms,
       EXISTS (SELECT FROM senders s WHERE s.state IS NULL) AS hides_replicas;
