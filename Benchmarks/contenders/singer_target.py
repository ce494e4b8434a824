"""A Singer target for MongoDB, as there is none that can be installed: singer_target.py URI < messages

Replaces by key in bulks of 5,000; timestamps stay text, numbers become doubles. Prints {"acknowledged_at": seconds} of
the last bulk.
"""

import json
import sys
import time

import pymongo

BATCH = 5000


def write(collection, changes):
    if changes:
        collection.bulk_write(list(changes.values()), ordered=False)
        changes.clear()
    return time.time()


def main():
    database = pymongo.MongoClient(sys.argv[1]).bench
    changes, acknowledged = {}, time.time()
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["type"] != "RECORD":
            continue
        row = message["record"]
        key = row.pop("id")
        if row.pop("_sdc_deleted_at", None):
            changes[key] = pymongo.DeleteOne({"_id": key})
        else:
            changes[key] = pymongo.ReplaceOne({"_id": key}, row, upsert=True)
        if len(changes) >= BATCH:
            acknowledged = write(database.orders, changes)
    if changes:
        acknowledged = write(database.orders, changes)
    print(f'{{"acknowledged_at": {acknowledged:.3f}}}', flush=True)


main()
