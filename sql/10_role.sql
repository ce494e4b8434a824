-- The role Wherry logs in with, and nothing more than it needs. Run by a superuser in the database to be replicated:
--
--   psql -v role=wherry -v schema=public -f sql/10_role.sql DATABASE
--   psql -c '\password wherry' DATABASE
--
-- REPLICATION lets it read the write-ahead log of the whole cluster, through its slot; reading tables is granted one
-- schema at a time. It owns nothing: the publication is made by an owner of the tables (20_publication.sql).
-- pg_hba.conf must let it in, e.g.:  hostssl DATABASE wherry 10.0.0.0/8 scram-sha-256
-- (logical replication connects to the database by its name; the keyword "replication" is not needed).
\set ON_ERROR_STOP on
set search_path = pg_catalog, pg_temp;
\if :{?role} \else \set role wherry \endif
\if :{?schema} \else \set schema public \endif

select format('create role %I login replication', :'role')
where not exists (select from pg_roles where rolname = :'role') \gexec
alter role :"role" login replication;

select format('grant connect on database %I to %I', current_database(), :'role') \gexec
grant usage on schema :"schema" to :"role";
grant select on all tables in schema :"schema" to :"role";

-- Tables to come: default privileges belong to the role that will create them, so one statement for each owner there
-- is now, and for whoever runs this.
select format('alter default privileges for role %I in schema %I grant select on tables to %I',
    owner, :'schema', :'role')
from (
    select tableowner as owner from pg_tables where schemaname = :'schema'
    union select current_user
) owners \gexec

-- What Wherry does in a session may not be cut short by limits meant for applications.
alter role :"role" set statement_timeout = 0;
alter role :"role" set idle_in_transaction_session_timeout = 0;

-- Not needed, and useful: with  grant pg_monitor to wherry;  it also sees how far standbys are behind
-- (backfill.max_replica_lag), and state and age of transactions it waits for.
