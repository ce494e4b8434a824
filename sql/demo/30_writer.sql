-- What the shop's customers do while the demo runs: `call demo.work(n)` is one transaction, decided by n.
-- In a schema of its own, which is not replicated.
create schema if not exists demo;

-- A number from 0 to below `bound`, the same for the same arguments.
create or replace function demo.pick(n bigint, salt integer, bound integer) returns integer
language sql immutable as $$
    select ((hashint8extended(n, salt) % bound + bound) % bound)::integer
$$;

create or replace procedure demo.work(n bigint) language plpgsql as $$
declare
    new_order bigint := 1000000 + n;
    customer bigint := (select id from public.customers where id >= 1 + demo.pick(n, 1, 5000) order by id limit 1);
    product text := (select sku from public.products where sku >= 'SKU-' || lpad(demo.pick(n, 2, 1000)::text, 6, '0')
        order by sku limit 1);
    victim bigint := (select id from public.orders where id >= 1 + demo.pick(n, 3, 14000) order by id limit 1);
begin
    insert into public.orders values (new_order, customer, 'open', 'web', demo.pick(n, 4, 90000) / 100.0,
        clock_timestamp(), current_date + 3, time '10:00', interval '1 day',
        jsonb_build_object('city', 'City' || n % 1000, 'insured', n % 2 = 0, 'n', n), 'live ' || md5(n::text), null);
    insert into public.order_items
    select new_order, line, product, line, 9.90, null, array['live', null]
    from generate_series(1, 1 + demo.pick(n, 5, 4)) line;
    update public.customers set score = score + 1, rating = rating * 1.1, updated_at = clock_timestamp(),
        margin = case when n % 5 = 0 then null else margin end
    where id = customer;
    -- The description stays where it is, and is not sent.
    update public.products set stock = stock - 1, updated_at = clock_timestamp() where sku = product;

    if n % 3 = 0 then
        delete from public.orders where id = victim;
    else
        update public.orders set status = 'shipped', note = note || '.' where id = victim;
    end if;
    if n % 10 = 0 then
        update public.products set description = md5(n::text) || description where sku = product;
    end if;
    if n % 20 = 0 then
        -- A key changes: a product's (with its unchanged description, and through the foreign key its items'),
        -- or a part of a composite one.
        update public.products set sku = 'SKU-' || lpad((100000 + n % 900000)::text, 6, '0')
        where sku = product
            and not exists (select from public.products where sku = 'SKU-' || lpad((100000 + n % 900000)::text, 6, '0'));
        update public.order_items set line = line + 50 where order_id = new_order;
    end if;
    if n % 25 = 0 then
        begin
            delete from public.order_items where order_id = new_order;
            raise exception 'changed my mind';
        exception when raise_exception then null; -- rolled back to here: none of it may arrive
        end;
    end if;
    if n % 100 = 0 then
        update public.order_items set quantity = quantity + 1 where order_id between victim and victim + 99;
    end if;
end $$;
