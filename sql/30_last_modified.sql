-- A column that says when a row was last written, kept by a trigger whatever the application does:
--
--   psql -v table=public.orders -v column=updated_at -f sql/30_last_modified.sql DATABASE
--
-- Wherry does not need it to replicate. It serves whoever writes to both databases for a while: the later write can be
-- told from the earlier one. Adding the column locks the table for a moment only (a default that is the same for all
-- rows is not written into them); the rows there are get the time of this run.
\set ON_ERROR_STOP on
\if :{?table} \else \set table public.orders \endif
\if :{?column} \else \set column updated_at \endif

begin;
set local lock_timeout = '5s';

alter table :table add column if not exists :"column" timestamptz not null default now();

-- clock_timestamp(), not now(): two writes of one transaction differ, and a long one is not dated to its beginning.
create or replace function public.wherry_touch() returns trigger language plpgsql as $$
begin
    return jsonb_populate_record(new, jsonb_build_object(tg_argv[0], clock_timestamp()));
end $$;

drop trigger if exists wherry_touch on :table;
create trigger wherry_touch before insert or update on :table
    for each row execute function public.wherry_touch(:'column');
commit;
