-- :rows rows of about 2.5 KB, of which 2.3 KB are one jsonb that stands out of line (TOAST): an update that doesn't
-- touch it leaves it out of the stream.
\set ON_ERROR_STOP on

create function document_of(id bigint) returns jsonb language sql immutable as $$
    select jsonb_build_object('number', id, 'text', string_agg(md5((id * 70 + part)::text), '' order by part))
    from generate_series(1, 70) part
$$;

create table wide (
    id bigint primary key,
    status text not null,
    amount numeric(12, 2) not null,
    note text,
    document jsonb,
    updated_at timestamptz not null
);
-- Not compressed, as its text couldn't be to much avail.
alter table wide alter column document set storage external;

insert into wide
select id, 'new', (id * 37 % 9999999)::numeric / 100, 'note ' || md5(id::text), document_of(id), now()
from generate_series(1::bigint, :rows) id;

-- `changes` row changes, ten a transaction: one insert, eight updates beside the jsonb, one delete.
create procedure churn_wide(changes bigint) language plpgsql as $$
declare
    last bigint := (select max(id) from wide);
    added bigint := last;
begin
    for i in 0 .. changes - 1 loop
        if i % 10 = 0 then
            added := added + 1;
            insert into wide values (added, 'new', (added * 37 % 9999999)::numeric / 100, 'note ' || md5(added::text),
                document_of(added), clock_timestamp());
        elsif i % 10 = 9 then
            delete from wide where id = last - i / 10;
            commit;
        else
            update wide set status = 'paid', amount = amount + 1, updated_at = clock_timestamp()
            where id = 1 + i::bigint * 48271 % (last / 2);
        end if;
    end loop;
end $$;

create procedure add_sentinel() language sql as $$
    insert into wide values (9000000000, 'sentinel', 1, 'note', '{}', now())
$$;

vacuum analyze wide;
checkpoint;
