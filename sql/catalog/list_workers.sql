-- Who holds a two-key advisory lock in this database: each active Wherry worker holds one of class 1464356178 ("WHER")
-- whose second key is a hash of the pipeline's name.
SELECT l.classid,
       l.objid,
       l.pid,
       a.application_name,
       pg_catalog.host(a.client_addr) AS client_address,
       a.usename AS role,
       a.backend_start
  FROM pg_catalog.pg_locks l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory'
   AND l.objsubid = 2
   AND l.granted
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
 ORDER BY l.pid;
