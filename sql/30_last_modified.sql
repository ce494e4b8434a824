-- A column that says when a row was last written, kept by a trigger whatever the application does:
--
--   psql -f sql/30_last_modified.sql DATABASE                                     lists the tables without; no change
--   psql -v table=public.orders -f sql/30_last_modified.sql DATABASE              adds updated_at and the trigger
--   psql -v table=public.orders -v column=changed -f sql/30_last_modified.sql DATABASE     under another name
--
-- Wherry does not need it to replicate. It serves whoever writes to both databases for a while (last_modified in
-- docs/configuration.md): the later write can be told from the earlier one. Adding the column locks the table for a
-- moment only (a default that is the same for all rows is not written into them); the rows there are get the time of
-- this run.
\set ON_ERROR_STOP on
set search_path = pg_catalog, pg_temp;
\if :{?column} \else \set column updated_at \endif

\if :{?table}
\else
\echo 'tables without a column' :column 'or without the trigger that keeps it:'
select c.oid::regclass as "table", a.attname is not null as has_column, t.oid is not null as has_trigger
from pg_class c
left join pg_attribute a on a.attrelid = c.oid and a.attname = :'column' and not a.attisdropped
left join pg_trigger t on t.tgrelid = c.oid and t.tgname = 'wherry_touch'
where c.relkind = 'r' and c.relpersistence <> 't'
    and c.relnamespace not in (
        select oid from pg_namespace where nspname = 'information_schema' or starts_with(nspname, 'pg_'))
    and (a.attname is null or t.oid is null)
order by c.oid::regclass::text;
\echo 'Nothing was changed. Choose one with -v table=SCHEMA.TABLE.'
\quit
\endif

begin;
set local lock_timeout = '5s';

alter table :table add column if not exists :"column" timestamptz not null default now();

-- clock_timestamp(), not now(): two writes of one transaction differ, and a long one is not dated to its beginning.
-- Never before the row's last write, whatever becomes of the clock (a correction, a standby that takes over). In UTC,
-- which is what Wherry reads a column without time zone as.
create or replace function public.wherry_touch() returns trigger language plpgsql set timezone = 'UTC' as $$
declare
    moment timestamptz := clock_timestamp();
    before timestamptz;
begin
    if tg_op = 'UPDATE' then
        execute format('select ($1).%I', tg_argv[0]) into before using old;
        if isfinite(before) then
            moment := greatest(moment, before + interval '1 microsecond');
        end if;
    end if;
    return jsonb_populate_record(new, jsonb_build_object(tg_argv[0], moment));
end $$;

drop trigger if exists wherry_touch on :table;
create trigger wherry_touch before insert or update on :table
    for each row execute function public.wherry_touch(:'column');
commit;
