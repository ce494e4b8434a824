-- 200 tables with :rows rows together, and changes all over them.
\set ON_ERROR_STOP on
-- Here too, as DO knows no variables of psql.
select set_config('bench.rows', :'rows', false) \gset

do $$
begin
    for number in 0 .. 199 loop
        execute format('create table t%s (id bigint primary key, customer_id integer not null, status text not null,
            amount numeric(12, 2) not null, note text, payload jsonb, updated_at timestamptz not null)', number);
        execute format('insert into t%s
            select id, id * 7919 %% 200000, ''new'', (id * 37 %% 9999999)::numeric / 100, ''note '' || md5(id::text),
                jsonb_build_object(''sku'', ''SKU-'' || id %% 99991, ''ref'', md5(id::text), ''qty'', id %% 7), now()
            from generate_series(1::bigint, %s) id', number, current_setting('bench.rows')::bigint / 200);
    end loop;
end $$;

-- `changes` row changes, ten a transaction: six inserts and three updates in tables as a hash has it, and one delete,
-- of all tables in turn, from the end of what there was.
create procedure churn_tables(changes bigint) language plpgsql as $$
declare
    last bigint := (select max(id) from t0);
    anywhere bigint;
begin
    for i in 0 .. changes - 1 loop
        anywhere := hashint8(i) & 2147483647;
        if i % 10 in (2, 5, 7) then
            execute format('update t%s set status = ''paid'', amount = amount + 1, updated_at = clock_timestamp()
                where id = $1', anywhere % 200) using 1 + anywhere / 200 % (last / 2);
        elsif i % 10 = 9 then
            execute format('delete from t%s where id = $1', i / 10 % 200) using last - i / 2000;
            commit;
        else
            execute format('insert into t%s values ($1, $1 %% 200000, ''new'', ($1 * 37 %% 9999999)::numeric / 100,
                ''note '' || md5($1::text),
                jsonb_build_object(''sku'', ''SKU-'' || $1 %% 99991, ''ref'', md5($1::text), ''qty'', $1 %% 7),
                clock_timestamp())', anywhere % 200) using last + 1 + i;
        end if;
    end loop;
end $$;

create procedure add_sentinel() language sql as $$
    insert into t0 values (9000000000, 1, 'sentinel', 1, 'note', '{}', now())
$$;

vacuum analyze;
checkpoint;
