-- The benchmark's table with :rows rows of about 400 bytes, and the procedures that make the backlogs.
\set ON_ERROR_STOP on

create function note_of(id bigint) returns text language sql immutable as $$
    select 'note ' || md5(id::text) || ' customer asked for ' || md5((id * 7)::text)
$$;

create function payload_of(id bigint) returns jsonb language sql immutable as $$
    select jsonb_build_object(
        'sku', 'SKU-' || id % 99991, 'qty', id % 7 + 1, 'ref', md5(id::text), 'gift', id % 5 = 0,
        'tags', jsonb_build_array('red', 'fast', 't' || id % 50),
        'ship', jsonb_build_object(
            'city', 'City' || id % 1000, 'zip', lpad((id % 100000)::text, 5, '0'),
            'geo', jsonb_build_array((id % 180)::double precision / 1.7, (id % 90)::double precision / 1.3)))
$$;

create table orders (
    id bigint primary key,
    customer_id integer not null,
    status text not null,
    amount numeric(12, 2) not null,
    note text,
    payload jsonb,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    flags boolean not null
);

insert into orders
select id, id * 7919 % 200000, (array['new', 'paid', 'packed', 'shipped', 'done'])[1 + id % 5],
    (id * 37 % 9999999)::numeric / 100, note_of(id), payload_of(id),
    timestamptz '2024-01-01' + id * interval '13 seconds', timestamptz '2024-06-01' + id * interval '17.003 seconds',
    id % 3 = 0
from generate_series(1::bigint, :rows) id;

-- `changes` row changes, ten a transaction unless told: of ten six inserts, three updates of the older half, one delete
-- from the end of what there was, each a statement of its own.
create procedure churn(changes bigint, transaction_size bigint default 10) language plpgsql as $$
declare
    last bigint := (select max(id) from orders);
    added bigint := last;
begin
    for i in 0 .. changes - 1 loop
        if i % 10 in (2, 5, 7) then
            update orders set status = 'paid', amount = amount + 1, updated_at = clock_timestamp()
            where id = 1 + i::bigint * 48271 % (last / 2);
        elsif i % 10 = 9 then
            delete from orders where id = last - i / 10;
        else
            added := added + 1;
            insert into orders values (added, added * 7919 % 200000, 'new', (added * 37 % 9999999)::numeric / 100,
                note_of(added), payload_of(added), clock_timestamp(), clock_timestamp(), added % 3 = 0);
        end if;
        if i % transaction_size = transaction_size - 1 then
            commit;
        end if;
    end loop;
end $$;

-- The same of other changes: of ten nine updates of 1,000 keys that lie all over the table, one insert.
create procedure churn_hot(changes bigint) language plpgsql as $$
declare
    last bigint := (select max(id) from orders);
    added bigint := last;
begin
    for i in 0 .. changes - 1 loop
        if i % 10 = 9 then
            added := added + 1;
            insert into orders values (added, added * 7919 % 200000, 'new', (added * 37 % 9999999)::numeric / 100,
                note_of(added), payload_of(added), clock_timestamp(), clock_timestamp(), added % 3 = 0);
            commit;
        else
            update orders set status = 'paid', amount = amount + 1, updated_at = clock_timestamp()
            where id = 1 + (i / 10 * 9 + i % 10)::bigint * 48271 % 1000 * (last / 1000);
        end if;
    end loop;
end $$;

-- The last change of a backlog.
create procedure add_sentinel() language sql as $$
    insert into orders values (9000000000, 1, 'sentinel', 1, note_of(1), payload_of(1), now(), now(), true)
$$;

-- For a load beside a live backfill: keys of rows that come, and a row whose changes are timed.
create sequence added start 1000000000;
create table probe (id integer primary key, stamp bigint not null);
insert into probe values (1, 0);

vacuum analyze orders;
checkpoint;
