-- Removes slot and publication of a pipeline, once `wherry drop PIPELINE` can't (its state is gone, or nobody has it
-- installed any more). An abandoned slot keeps WAL until the disk is full.
--
--   psql -f sql/90_decommission.sql DATABASE                             shows what there is, and removes nothing
--   psql -v pipeline=shop -f sql/90_decommission.sql DATABASE            shows, then removes slot and publication
--   psql -v pipeline=shop -v role=wherry -f sql/90_decommission.sql ...  the role of 10_role.sql as well
--
-- A slot that is in use is not dropped: stop that worker first. A slot and a publication under other names than
-- wherry_PIPELINE (source.slot, source.publication) stay, and so do triggers of 30_last_modified.sql, as the application may
-- rely on them by now, those of 40_ddl_audit.sql, which says how to remove them, and documents in MongoDB.
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
-- DROP OWNED drops what a role owns, besides its rights: it must own nothing, in no database.
select count(*) > 0 as owns from pg_shdepend d join pg_roles r on r.oid = d.refobjid
where d.refclassid = 'pg_authid'::regclass and d.deptype = 'o' and r.rolname = :'role' \gset
\if :owns
do $$ begin
    raise exception 'the role owns something, in this database or another one, which would be dropped with it'
        using hint = 'Give that to somebody else first (REASSIGN OWNED BY … TO …, in each database), then run this again.';
end $$;
\endif
select format('drop owned by %I', :'role') where exists (select from pg_roles where rolname = :'role') \gexec
select format('drop role %I', :'role') where exists (select from pg_roles where rolname = :'role') \gexec
\endif
