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
    expected = sum(value(source, f"select count(*) from {table}") for table in tables)
    found = sum(database[table].count_documents({}, hint="_id_") for table in tables)
    wrong = []
    if found < expected:
        wrong.append(f"lost {expected - found:,} documents")
    elif found > expected:
        wrong.append(f"{found - expected:,} documents too many")
    wrong += sample(source, database, random.Random(7), tables, rows // len(tables), changes, key)
    return ", ".join(wrong)


def sample(source, database, chance, tables, rows, changes, key):
    """Of up to five tables 300 rows that may be there, and 100 that were deleted if any was."""
    stale = missing = undead = 0
    size = 0
    for table in chance.sample(tables, min(5, len(tables))):
        ids = [chance.randint(1, rows + changes * 6 // 10) for _ in range(300)]
        ids += [rows - chance.randrange(max(1, changes // 10 // len(tables))) for _ in range(100)] + [SENTINEL]
        there = query(source, f"select id, status, amount, note from {table} where id = any(%s)", (ids,))
        expected = {id: (status, amount, note) for id, status, amount, note in there}
        documents = {id: database[table].find_one({"_id": key(id)}) for id in set(ids)}
        size += len(set(ids))
        for id, document in documents.items():
            if id not in expected:
                undead += document is not None
            elif document is None:
                missing += 1
            else:
                stale += fields(document) != expected[id]
    counts = ("missing", missing), ("stale", stale), ("not deleted", undead)
    return [f"{count} of a sample of {size} {what}" for what, count in counts if count]


def fields(document):
    """As PostgreSQL has them: a number may be Decimal128, double or text."""
    amount = document.get("amount")
    return document.get("status"), None if amount is None else Decimal(str(amount)), document.get("note")
