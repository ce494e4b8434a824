-- The publication Wherry reads. `wherry run` makes it itself when its role owns the tables; under the role of
-- 10_role.sql an owner (or superuser) runs this instead, before the first start:
--
--   psql -v publication=wherry_shop -v schema=public -f sql/20_publication.sql DATABASE
--   psql -v exclude='audit_log,sessions' -f sql/20_publication.sql DATABASE     without these (source.exclude, too)
--   psql -v schema=sales -v add=yes -f sql/20_publication.sql DATABASE          one more schema, before the first start
--
-- It names its tables. Not FOR ALL TABLES: with a table in it that has no replica identity, the *application's* UPDATE
-- and DELETE on that table fail. So only tables with a primary key and a usable identity are taken; what is left out is
-- listed at the end. A partitioned table is published as one, changes of its partitions as its own
-- (publish_via_partition_root, PostgreSQL 13 and later), and only if every partition of it is fit for that.
--
-- Run again, it shows the publication and changes nothing: a table that is published later joins a running pipeline only
-- where its configuration lets it (`wherry tables add`), and stops it elsewhere. `-v add=yes` adds them all the same. No
-- run takes a table out.
\set ON_ERROR_STOP on
\if :{?publication} \else \set publication wherry_shop \endif
\if :{?schema} \else \set schema public \endif
\if :{?exclude} \else \set exclude '' \endif
\if :{?add} \else \set add no \endif

begin;
set local search_path = pg_catalog, pg_temp;

-- A misspelt schema would leave an empty publication behind.
select format('do %L', format('begin raise exception using message = %L; end',
    format('there is no schema %s', :'schema')))
where not exists (select from pg_namespace where nspname = :'schema') \gexec

select not exists (select from pg_publication where pubname = :'publication') as is_missing,
    not exists (select from pg_publication_tables where pubname = :'publication') as is_new \gset
select :'is_new'::boolean or :'add'::boolean as adds \gset

create temporary view wherry_candidates as
select c.oid, n.nspname, c.relname, c.relreplident,
    (c.relkind = 'r' or :SERVER_VERSION_NUM >= 130000)
        and not exists (select from pg_inherits h where c.relkind = 'r' and c.oid in (h.inhrelid, h.inhparent))
        and exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
        and not exists (
            -- The table itself, and its leaves.
            select from pg_class t
            where (t.oid = c.oid or t.oid in (select p.relid from pg_partition_tree(c.oid) p where p.isleaf))
                and (t.relpersistence <> 'p' or t.relkind = 'f' or t.relreplident = 'n'
                    or c.relreplident = 'f' and t.relreplident <> 'f'
                    or t.relreplident = 'i'
                        and not exists (select from pg_index i where i.indrelid = t.oid and i.indisreplident)))
        as is_usable, c.relkind
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition;

create temporary table wherry_excluded on commit drop as
select btrim(word) as name from unnest(string_to_array(:'exclude', ',')) word where btrim(word) <> '';

-- A table whose name is misspelt here would be published.
select format('do %L', format('begin raise exception using message = %L; end',
    format('exclude names %s, and schema %s has no such table', string_agg(name, ', '), :'schema')))
from wherry_excluded
where not exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = :'schema' and c.relkind in ('r', 'p', 'f') and name in (c.relname, nspname || '.' || relname))
having count(*) > 0 \gexec

select format('create publication %I', :'publication') where :'is_missing'::boolean \gexec

select format('alter publication %I set (publish_via_partition_root = true)', :'publication')
where :'adds'::boolean and exists (
    select from wherry_candidates
    where relkind = 'p' and nspname = :'schema' and is_usable
        and not exists (select from wherry_excluded where name in (relname, nspname || '.' || relname))) \gexec

select format('alter publication %I add table only %I.%I', :'publication', nspname, relname)
from wherry_candidates
where :'adds'::boolean and nspname = :'schema' and is_usable
    and not exists (select from wherry_excluded where name in (relname, nspname || '.' || relname))
    and not exists (
        select from pg_publication_tables t
        where t.pubname = :'publication' and t.schemaname = nspname and t.tablename = relname)
order by relname \gexec

\echo 'published:'
select schemaname, tablename from pg_publication_tables where pubname = :'publication' order by 1, 2;
\echo 'left out (no primary key, no replica identity, unlogged, inherited, or one of its partitions is unfit):'
select nspname, relname from wherry_candidates where nspname = :'schema' and not is_usable order by 2;
\echo 'left out, as they are excluded or the publication was there before them (-v add=yes):'
select nspname, relname from wherry_candidates
where nspname = :'schema' and is_usable and not exists (
    select from pg_publication_tables t
    where t.pubname = :'publication' and t.schemaname = nspname and t.tablename = relname)
order by 2;
drop view wherry_candidates;
commit;
