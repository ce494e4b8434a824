-- The demo shop: four tables that hold every type Wherry maps, with single, textual and composite keys.
-- psql -f sql/demo/10_schema.sql -f sql/demo/20_data.sql -f sql/demo/30_writer.sql DATABASE
set client_min_messages = warning;

create type public.customer_tier as enum ('new', 'regular', 'gold');
create type public.order_status as enum ('open', 'paid', 'packed', 'shipped', 'returned');
create domain public.email as text check (value like '%@%');

create table public.customers (
    id bigint primary key,
    external_id uuid not null,
    name text not null,
    email public.email not null,
    country char(2) not null,
    tier public.customer_tier not null,
    is_active boolean not null,
    credit numeric(12, 2) not null,
    margin numeric,
    score double precision,
    rating real,
    birthday date,
    tags text[] not null,
    preferences jsonb,
    avatar bytea,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table public.products (
    sku varchar(20) primary key,
    name text not null,
    -- About 12 kB in every eighth product, stored out of line: an update of another column does not send it.
    description text,
    price numeric(10, 2) not null,
    weight real,
    stock integer not null,
    shelf smallint not null,
    dimensions integer[],
    attributes json,
    available_from timestamp,
    delivered_at time,
    warranty interval,
    updated_at timestamptz not null
);
alter table public.products alter column description set storage external;

create table public.orders (
    id bigint primary key,
    customer_id bigint not null references public.customers on update cascade,
    status public.order_status not null,
    channel varchar(16) not null,
    total numeric(12, 2) not null,
    placed_at timestamptz not null,
    due date,
    deliver_from time,
    reminder interval,
    shipping jsonb,
    note text,
    is_gift boolean
);
create index on public.orders (customer_id);

create table public.order_items (
    order_id bigint references public.orders on update cascade on delete cascade,
    line smallint,
    sku varchar(20) not null references public.products on update cascade,
    quantity integer not null,
    unit_price numeric(10, 2) not null,
    discount double precision,
    options text[],
    primary key (order_id, line)
);
create index on public.order_items (sku);
