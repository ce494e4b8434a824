-- Makes changes of the schema visible in the replication stream, as logical messages of prefix 'wherry.ddl' in the same
-- transaction. Run by a superuser (event triggers need one) in the database that is replicated:
--
--   psql -f sql/40_ddl_audit.sql DATABASE
--
-- Wherry works without: it compares its tables with the catalogue whenever the stream announces one anew, every ten
-- seconds, and at each start. With it, it looks at once, and sees what leaves no trace in the catalogue: a table whose
-- rows were written anew by  ALTER TABLE … ALTER COLUMN … TYPE … USING …  with the type it had.
--
-- A message says which command and which object, never the statement nor a value of it:
--
--   {"event": "ddl_command_end", "tag": "ALTER TABLE", "type": "table", "schema": "public", "identity": "public.orders"}
--
-- It can't make a command fail: whatever goes wrong in the trigger is left out. Objects of temporary schemas and of
-- extensions are not told. Run again, it replaces itself. To remove it:
--
--   drop event trigger wherry_ddl_end; drop event trigger wherry_ddl_drop; drop event trigger wherry_ddl_rewrite;
--   drop schema wherry_audit cascade;
\set ON_ERROR_STOP on
begin;
set local search_path = pg_catalog, pg_temp;

create schema if not exists wherry_audit;

create or replace function wherry_audit.tell() returns event_trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
declare
    object record;
begin
    if tg_event = 'table_rewrite' then
        -- 4: for another type of a column, 2: for another default (PostgreSQL's event_trigger.h).
        perform pg_logical_emit_message(true, 'wherry.ddl', json_build_object(
            'event', tg_event, 'tag', tg_tag, 'type', 'table',
            'identity', pg_event_trigger_table_rewrite_oid()::regclass::text,
            'rewritten', pg_event_trigger_table_rewrite_oid()::bigint)::text)
        where pg_event_trigger_table_rewrite_reason() & 6 <> 0;
    elsif tg_event = 'sql_drop' then
        for object in select d.object_type, d.schema_name, d.object_identity
            from pg_event_trigger_dropped_objects() d
            where d.original and not d.is_temporary
                and d.object_type in ('table', 'table column', 'type', 'composite type', 'schema')
        loop
            perform pg_logical_emit_message(true, 'wherry.ddl', json_build_object(
                'event', tg_event, 'tag', tg_tag, 'type', object.object_type, 'schema', object.schema_name,
                'identity', object.object_identity)::text);
        end loop;
    else
        for object in select c.command_tag, c.object_type, c.schema_name, c.object_identity
            from pg_event_trigger_ddl_commands() c
            where not c.in_extension and c.schema_name is distinct from 'pg_temp'
                and c.object_type in ('table', 'table column', 'type', 'composite type', 'schema')
        loop
            perform pg_logical_emit_message(true, 'wherry.ddl', json_build_object(
                'event', tg_event, 'tag', object.command_tag, 'type', object.object_type,
                'schema', object.schema_name, 'identity', object.object_identity)::text);
        end loop;
    end if;
exception when others then
    -- The command is somebody else's.
    null;
end $$;

drop event trigger if exists wherry_ddl_end;
drop event trigger if exists wherry_ddl_drop;
drop event trigger if exists wherry_ddl_rewrite;
create event trigger wherry_ddl_end on ddl_command_end execute function wherry_audit.tell();
create event trigger wherry_ddl_drop on sql_drop execute function wherry_audit.tell();
create event trigger wherry_ddl_rewrite on table_rewrite execute function wherry_audit.tell();
commit;
