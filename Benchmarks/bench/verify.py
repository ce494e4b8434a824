"""Whether the documents equal the rows: their count, and a sample of them."""

import random
from decimal import Decimal

from bench.data import query, value

SENTINEL = 9_000_000_000


def tables_of(source):
    rows = query(source, "select tablename from pg_tables where schemaname = 'public' order by 1")
    # The probe is not everybody's.
    return [name for (name,) in rows if name != "probe"]


def compare(source, database, rows, changes, key=lambda id: id):
    """What is wrong, in words; nothing when nothing is. `rows` are those from before `changes`, `key` is the `_id` of a
    row."""
    tables = tables_of(source)
    counts = [
        database[table].count_documents({}, hint="_id_") - value(source, f"select count(*) from {table}")
        for table in tables]
    lost, surplus = -sum(n for n in counts if n < 0), sum(n for n in counts if n > 0)
    wrong = []
    if lost:
        wrong.append(f"lost {lost:,} documents")
    if surplus:
        wrong.append(f"{surplus:,} documents too many")
    wrong += sample(source, database, random.Random(7), tables, rows // len(tables), changes, key)
    return ", ".join(wrong)


def sample(source, database, chance, tables, rows, changes, key):
    """Of up to five tables 200 rows, 200 of those written last, and 100 that were deleted if any was."""
    stale = missing = undead = compared = size = 0
    for table in chance.sample(tables, min(5, len(tables))):
        ids = {id for (id,) in query(source, SOME.format(table)) + query(source, LATEST.format(table))}
        ids |= {rows - chance.randrange(max(1, changes // 10 // len(tables))) for _ in range(100)} | {SENTINEL}
        large = "document->>'text'" if table == "wide" else "null"
        there = query(
            source, f"select id, status, amount, note, {large} from {table} where id = any(%s)", (list(ids),))
        expected = {id: values for id, *values in there}
        size += len(ids)
        compared += len(expected)
        for id in ids:
            document = database[table].find_one({"_id": key(id)})
            if id not in expected:
                undead += document is not None
            elif document is None:
                missing += 1
            else:
                stale += not is_equal(document, *expected[id])
    counts = ("missing", missing), ("stale", stale), ("not deleted", undead)
    wrong = [f"{count} of a sample of {size} {what}" for what, count in counts if count]
    return wrong if compared else [*wrong, "there was nothing to compare"]


# A hash, so that it is the same rows for every contender.
SOME = "select id from {} order by hashint8(id) limit 200"
LATEST = "select id from (select id from {} order by updated_at desc limit 5000) late order by hashint8(id) limit 200"


def is_equal(document, status, amount, note, large):
    """A number may be Decimal128, double or text, a jsonb a document or text."""
    found = document.get("amount")
    return (
        (document.get("status"), document.get("note")) == (status, note)
        and (None if found is None else Decimal(str(found))) == amount
        and (large is None or large in str(document.get("document"))))
