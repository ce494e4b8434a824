"""mq-bridge from PostgreSQL to MongoDB.

  mq_to_mongo.py seed SOURCE TARGET ROWS SLOT PUBLICATION      its own MongoDB sink
  mq_to_mongo.py backlog SOURCE TARGET ROWS SLOT PUBLICATION   a sink of ours: its own one only inserts

Either way numbers with decimals and timestamps stay text. Prints {"acknowledged_at": seconds} when MongoDB has
acknowledged all rows of a seed, or the sentinel of a backlog.
"""

import os
import sys
import time

import mq_bridge
import pymongo

SENTINEL = 9_000_000_000
BATCH = 8192


def end():
    print(f'{{"acknowledged_at": {time.time():.3f}}}', flush=True)
    # Its threads wait for more.
    os._exit(0)


def seed(source, target, rows):
    sink = {"url": target, "database": "bench", "collection": "orders", "format": "raw", "id_field": "id"}
    route = mq_bridge.Route.from_config(
        {"input": source, "output": {"mongodb": sink}, "batch_size": BATCH, "concurrency": 1})
    route.start()
    collection = pymongo.MongoClient(target).bench.orders
    while collection.estimated_document_count() < rows:
        time.sleep(0.05)
    end()


def write(collection, messages):
    """By key, the last change of a batch; returns whether the sentinel was among them."""
    changes = {}
    for message in messages:
        row = message.json()
        key = row.pop("id")
        if message.metadata.get("postgres.operation") == "delete":
            changes[key] = pymongo.DeleteOne({"_id": key})
        else:
            changes[key] = pymongo.ReplaceOne({"_id": key}, row, upsert=True)
    if changes:
        collection.bulk_write(list(changes.values()), ordered=False)
    return SENTINEL in changes


def backlog(source, target):
    collection = pymongo.MongoClient(target).bench.orders
    consumer = mq_bridge.Consumer.from_config(source)
    while True:
        is_last = write(collection, consumer.poll(max=BATCH, timeout_ms=2000))
        consumer.commit()
        if is_last:
            end()


def main():
    mode, source, target, rows, slot, publication = sys.argv[1:]
    mq_bridge.init_logging("warn")
    is_seed = mode == "seed"
    source = {
        "postgres_cdc": {
            "url": source, "publication": publication, "slot_name": slot, "create_slot": is_seed,
            "create_publication": False, "publication_tables": ["public.orders"],
            "consume": "snapshot" if is_seed else "capture_new",
        }
    }
    if is_seed:
        seed(source, target, int(rows))
    else:
        backlog(source, target)


main()
