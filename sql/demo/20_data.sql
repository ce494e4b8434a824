-- 50,000 rows, the same in every run: 5,000 customers, 1,000 products, 14,000 orders, 30,000 items.
-- Among them the values that are easily got wrong: NULL, NaN, empty arrays, padded char, negative and tiny numbers,
-- times before 1970 with microseconds, text outside ASCII, JSON numbers that no double holds.
insert into public.customers
select i,
    md5('customer' || i)::uuid,
    (array['Zoë', 'Łukasz', 'Ann', '李雷', 'Björn', 'Siobhán'])[1 + i % 6] || ' ' || i,
    'user' || i || '@example.com',
    case when i % 50 = 0 then 'X' else (array['DE', 'FR', 'PL', 'IE', 'CN'])[1 + i % 5] end,
    (array['new', 'regular', 'gold']::public.customer_tier[])[1 + i % 3],
    i % 7 <> 0,
    ((i * 7919) % 1000000 - 300000)::numeric / 100,
    case i % 9 when 0 then null when 1 then 'NaN' when 2 then 0.000100 when 3 then 12345678901234567890.5
        when 4 then -1 when 5 then 1200 else round(i::numeric / 7, 10) end,
    case i % 11 when 0 then null when 1 then 'NaN' when 2 then 'Infinity' when 3 then -0.0
        else i::double precision / 3 end,
    case when i % 13 = 0 then null else i::real / 10 end,
    case when i % 17 = 0 then null else date '1931-02-28' + (i * 11) % 30000 end,
    case i % 5 when 0 then '{}' when 1 then array[null, 'a,b', 'quoted "x"'] else array['t' || i % 10, 'all'] end,
    case when i % 19 = 0 then null else jsonb_build_object(
        'newsletter', i % 2 = 0, 'limit', i, 'large', 9007199254740993 + i, 'exact', 12345678901234567890123,
        'ratio', i + 0.5, 'nothing', null, 'list', jsonb_build_array(1, 'two', jsonb_build_object('three', 3))) end,
    case when i % 4 = 0 then null else decode(md5(i::text), 'hex') end,
    timestamptz '1969-12-30 23:59:59.999999+00' + i * interval '4 hours 7 microseconds',
    timestamptz '2024-01-01 00:00:00.0005+00' + i * interval '97 seconds'
from generate_series(1, 5000) i;

insert into public.products
select 'SKU-' || lpad(i::text, 6, '0'),
    'product ' || i,
    case when i % 8 = 0 then (select string_agg(md5((i * 1000 + j)::text), '') from generate_series(1, 375) j)
        when i % 8 = 1 then null else 'a small thing' end,
    (i * 37 % 99999)::numeric / 100,
    case when i % 6 = 0 then null else i::real * 0.1::real end,
    i % 500,
    (i % 40 - 20)::smallint,
    case when i % 10 = 0 then null else array[i, -i, i * 1000] end,
    case when i % 3 = 0 then null else ('{"colour": "c' || i % 12 || '", "sizes": [' || i % 5 || ', 3000000000], "eco": '
        || (i % 2 = 0)::text || ', "depth": {"cm": ' || i % 90 || '.25}}')::json end,
    case when i % 12 = 0 then null
        else timestamp '1950-06-01 12:00:00.123456' + i * interval '30 days 1 hour' end,
    case when i % 14 = 0 then null else time '08:00' + i * interval '41.000003 seconds' end,
    case i % 4 when 0 then null when 1 then interval '1 year 6 mons' when 2 then interval '-3 days 04:05:06.7'
        else i * interval '1 day' end,
    timestamptz '2024-02-01 00:00:00+00' + i * interval '61.001 seconds'
from generate_series(1, 1000) i;

insert into public.orders
select i,
    1 + (i * 7919) % 5000,
    (array['open', 'paid', 'packed', 'shipped', 'returned']::public.order_status[])[1 + i % 5],
    (array['web', 'app', 'phone'])[1 + i % 3],
    (i * 313 % 500000)::numeric / 100,
    timestamptz '2023-05-01 06:00:00.000001+00' + i * interval '37.037 seconds',
    case when i % 4 = 0 then null else date '2024-02-29' + i % 60 end,
    case when i % 3 = 0 then null else time '09:30' + (i % 16) * interval '30 minutes' end,
    case when i % 5 = 0 then null else (i % 72) * interval '1 hour' end,
    case when i % 6 = 0 then null else jsonb_build_object(
        'city', 'City' || i % 1000, 'zip', lpad((i % 100000)::text, 5, '0'),
        'geo', jsonb_build_array((i % 180) + 0.125, -(i % 90) - 0.75), 'insured', i % 2 = 0) end,
    case when i % 2 = 0 then null else 'note ' || md5(i::text) end,
    case when i % 10 = 0 then null else i % 3 = 0 end
from generate_series(1, 14000) i;

insert into public.order_items
select 1 + (i - 1) % 14000,
    (1 + (i - 1) / 14000)::smallint,
    'SKU-' || lpad((1 + (i * 31) % 1000)::text, 6, '0'),
    1 + i % 9,
    (i * 41 % 30000)::numeric / 100,
    case when i % 4 = 0 then null else (i % 20) / 100.0::double precision end,
    case when i % 3 = 0 then null else array['o' || i % 8] end
from generate_series(1, 30000) i;

analyze public.customers, public.products, public.orders, public.order_items;
