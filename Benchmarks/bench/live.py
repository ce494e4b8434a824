"""A live backfill beside a load, and what it costs to begin one."""

import json
import statistics
import subprocess
import time
from datetime import datetime

from bench import data
from bench.contenders import PIPELINE, command
from bench.latency import Probe
from bench.meter import Process, give_up
from bench.results import record
from bench.settings import BENCH, ROWS, WHERRY, step
from bench.workloads import seed_place


def flags(source, servers):
    return ["--source", source, "--target", servers.mongo, "--pipeline", PIPELINE]


def wherry(servers, *words):
    return Process("wherry", [WHERRY, *words], servers)


def configure(workers=2):
    file = BENCH / f"live-{workers}.yaml"
    file.write_text(f"backfill: {{ workers: {workers} }}\n")
    return ["--config", str(file)]


def seed_ceiling(servers, source, before=None):
    """With one measured before, the mean of both: the machine's own speed may change meanwhile."""
    with step(f"ceiling: {ROWS:,} inserts"):
        words, _ = command("ceiling", seed_place("ceiling", source, servers, ROWS))
        speed = Process("ceiling", words, servers).finish()["operations_per_second"]
        servers.client.drop_database("ceiling")
    return statistics.mean((before, speed)) if before else speed


def check_counts(source, servers, table="orders"):
    rows = data.value(source, f"select count(*) from {table}")
    documents = servers.client.bench[table].count_documents({})
    if rows != documents:
        give_up(f"{rows:,} rows but {documents:,} documents")


def end(source, servers):
    wherry(servers, "drop", PIPELINE, "--source", source, "--target", servers.mongo, "--yes").finish()


def live(workers=2):
    name = "live" if workers == 2 else f"live{workers}"

    def run(servers, reasons):
        source = data.prepare(servers, "rows", ROWS)
        servers.restore("empty")
        limit = seed_ceiling(servers, source)
        load = subprocess.Popen(
            [str(word) for word in data.pgbench_words(servers, source, "load.pgbench", 200, 3600, half=ROWS // 2)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        probe = None
        try:
            with step(f"Wherry: a live backfill of {ROWS:,} rows, {workers} readers, under 2,000 changes a second"):
                process = wherry(
                    servers, "run", *flags(source, servers), *configure(workers), "--log-format", "json")
                begin = process.wait_for('"streaming"')
                added = data.value(source, "select last_value from added")
                probe = Probe(source, servers.client.bench.probe)
                seconds = process.wait_for("backfill finished")
                added = data.value(source, "select last_value from added") - added
                quantiles = statistics.quantiles(probe.lags(process.begin), n=100)
        finally:
            if probe:
                probe.close()
            load.terminate()
            load.wait()
        measured = {**process.stop(), "seconds": seconds}
        limit = seed_ceiling(servers, source, limit)
        result = record(
            name, "wherry", ROWS, measured, ceiling_per_second=round(limit), ratio=round(ROWS / seconds / limit, 3),
            lag_median=round(quantiles[49], 3), lag_p99=round(quantiles[98], 3),
            # Of ten changes six are inserts.
            changes_per_second=round(added / 6 * 10 / (seconds - begin)))
        wherry(servers, "run", *flags(source, servers), "--until-caught-up").finish()
        check_counts(source, servers)
        end(source, servers)
        return [result]

    return run


def narrow_rows(servers, rows):
    source = data.prepare(servers, "rows", ROWS)
    with step(f"making {rows:,} narrow rows"):
        data.query(source, "drop table orders cascade")
        data.query(source, "create table counters (id bigint primary key, n integer not null)")
        data.query(source, f"insert into counters select g, 0 from generate_series(1, {rows}) g")
        data.query(source, "vacuum analyze counters")
    servers.restore("empty")
    return source


def flood(servers, reasons):
    rows = 5 * ROWS
    source = narrow_rows(servers, rows)
    with step(f"Wherry: a live backfill of {rows:,} rows, and one UPDATE of all of them"):
        process = wherry(
            servers, "run", *flags(source, servers), *configure(), "--log-format", "json",
            "--progress-interval", "1s")
        process.wait_for('"rows_copied":')
        data.query(source, "update counters set n = n + 1")
        process.wait_for("backfill finished")
        process.stop()
        # What is left of the UPDATE.
        rest = wherry(servers, "run", *flags(source, servers), "--until-caught-up").finish()
        measured = {
            "seconds": time.monotonic() - process.begin, "peak_mb": max(process.peak / 1024, rest["peak_mb"])}
    check_counts(source, servers, "counters")
    stale = servers.client.bench.counters.count_documents({"n": 0})
    if stale:
        give_up(f"{stale:,} documents are older than their rows")
    result = record("flood", "wherry", 2 * rows, measured)
    end(source, servers)
    return [result]


def logged_at(process, words):
    """In seconds; of the first line of its log with these words."""
    with open(process.log, errors="replace") as log:
        log.seek(process.log_begin)
        line = next(line for line in log if words in line)
    return datetime.fromisoformat(json.loads(line)["time"].replace("Z", "+00:00")).timestamp()


def plan(servers, reasons):
    rows = 10 * ROWS
    source = narrow_rows(servers, rows)
    with step(f"Wherry: planning the backfill of {rows:,} rows"):
        process = wherry(servers, "run", *flags(source, servers), *configure(), "--log-format", "json")
        process.wait_for('"streaming"')
        process.stop()
        seconds = logged_at(process, '"streaming"') - logged_at(process, "pipeline taken over")
    result = record("plan", "wherry", rows, {"seconds": seconds, "peak_mb": process.peak / 1024})
    end(source, servers)
    return [result]
