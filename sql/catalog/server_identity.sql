-- Who the server is, without a walsender (IDENTIFY_SYSTEM says the same, and the timeline at once after a promotion).
SELECT s.system_identifier AS systemid,
       c.timeline_id AS timeline,
       pg_catalog.current_database() AS dbname
  FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c;
