-- Removes everything Wherry has made in this database, once `wherry drop PIPELINE` can't (its state is gone, or
-- nobody has it installed any more). An abandoned slot keeps WAL until the disk is full.
--
--   psql -f sql/90_decommission.sql DATABASE                             shows what there is, and removes nothing
--   psql -v pipeline=shop -f sql/90_decommission.sql DATABASE            shows, then removes slot and publication
--   psql -v pipeline=shop -v role=wherry -f sql/90_decommission.sql ...  the role of 10_role.sql as well
--
-- A slot that is in use is not dropped: stop that worker first. Triggers of 30_last_modified.sql stay, as the
-- application may rely on them by now; so do documents in MongoDB.
\set ON_ERROR_STOP on
set search_path = pg_catalog, pg_temp;

\echo 'slots of Wherry in this cluster, and the WAL they hold:'
select slot_name, database, active, wal_status,
    pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) as held
from pg_replication_slots where starts_with(slot_name, 'wherry_') order by 1;
\echo 'publications of Wherry in this database:'
select pubname from pg_publication where starts_with(pubname, 'wherry_') order by 1;

\if :{?pipeline}
\else
\echo 'Nothing was removed. Choose one with -v pipeline=NAME: its slot is wherry_NAME.'
\quit
\endif
\set name wherry_:pipeline

select pg_drop_replication_slot(slot_name)
from pg_replication_slots where slot_name = :'name' and database = current_database();

drop publication if exists :"name";

\if :{?role}
-- Fails if the role owns anything; it should not.
select format('drop owned by %I', :'role') where exists (select from pg_roles where rolname = :'role') \gexec
select format('drop role %I', :'role') where exists (select from pg_roles where rolname = :'role') \gexec
\endif
