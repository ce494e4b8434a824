"""How long a change takes: from the commit that has returned at the source until another client of MongoDB sees it."""

import os
import re
import statistics
import subprocess
import threading
import time
from types import SimpleNamespace

import pymongo.errors

from bench import data, verify
from bench.contenders import ALL, command
from bench.meter import Failed, Process, give_up, family
from bench.results import absent, record
from bench.servers import ticks
from bench.settings import ROWS, SECONDS, say, step
from bench.workloads import chosen, prepare_origins

FOLLOWERS = ["wherry", "fasttxn"]
RATES = 100, 500, 1000, 2000
PAUSE = 0.04


class Probe:
    """Inserts a row twenty-five times a second, and sees its document come by a change stream."""

    def __init__(self, source, collection):
        self.cursor = data.connect(source).cursor()
        self.stream = collection.watch(max_await_time_ms=1000)
        self.sent, self.seen = {}, {}
        self.last = 1
        self.over = threading.Event()
        self.threads = [threading.Thread(target=part, daemon=True) for part in (self.insert, self.watch)]
        for thread in self.threads:
            thread.start()

    def insert(self):
        while not self.over.wait(PAUSE):
            self.last += 1
            self.cursor.execute("insert into probe values (%s, %s)", (self.last, self.last))
            self.sent[self.last] = time.monotonic()

    def watch(self):
        try:
            while not self.over.is_set():
                change = self.stream.try_next()
                if change:
                    self.seen.setdefault(change["documentKey"]["_id"], time.monotonic())
        except pymongo.errors.PyMongoError as error:
            say(f"the change stream ended: {error}")

    def lags(self, since):
        """In seconds, of the rows inserted since then, once all of them have come."""
        sent = {key: at for key, at in list(self.sent.items()) if at >= since}
        deadline = time.monotonic() + 120
        while not all(key in self.seen for key in sent):
            if time.monotonic() > deadline:
                raise Failed("changes have not come after 120 s")
            time.sleep(0.01)
        return [max(0.0, self.seen[key] - at) for key, at in sent.items()]

    def close(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.stream.close()
        self.cursor.connection.close()


def latency(servers, reasons):
    results = []
    for name in chosen(FOLLOWERS, FOLLOWERS):
        if name in reasons:
            results.append(absent("latency", name, reasons[name]))
            continue
        try:
            results += follow(name, servers)
        except Failed as failure:
            if name == "wherry":
                give_up(f"Wherry {failure}")
            results.append(absent("latency", name, f"failed: {failure}"))
    data.drop_slots(servers)
    return results


def follow(name, servers):
    """A contender on a copy of the rows, under one rate after another."""
    contender = ALL[name]
    source = prepare_origins(servers, SimpleNamespace(kind="rows", rows=ROWS), [name], {})
    servers.restore("wherry")
    data.copy_slot(source, contender.origin, contender.slot)
    words, environment = command(name, SimpleNamespace(
        mode="follow", source=source, target=servers.mongo, rows=ROWS, slot=contender.slot, programs=servers.programs))
    process = Process(name, words, servers, environment)
    probe = Probe(source, servers.client.bench.probe)
    try:
        with step(f"{contender.title} follows"):
            wait(process, lambda: probe.seen, "no change has come")
        results = [at_rate(rate, name, process, probe, source, servers) for rate in RATES]
        data.query(source, "call add_sentinel()")
        arrived = servers.client.bench.orders
        wait(process, lambda: arrived.find_one({"_id": verify.SENTINEL}), "the last change has not come")
        wrong = verify.compare(source, servers.client.bench, ROWS, 0)
    finally:
        probe.close()
        process.kill()
    if wrong and name == "wherry":
        give_up(f"Wherry's documents are wrong: {wrong}")
    return [{**result, "correct": not wrong, "wrong": wrong} for result in results]


def wait(process, condition, otherwise):
    deadline = time.monotonic() + 120
    while not condition():
        if process.poll():
            raise Failed(f"ended early, see {process.log}")
        if time.monotonic() > deadline:
            raise Failed(f"{otherwise} after 120 s")
        time.sleep(0.05)


def at_rate(rate, name, process, probe, source, servers):
    """The first two seconds don't count."""
    words = data.pgbench_words(servers, source, "latency.pgbench", rate, SECONDS + 2, last=ROWS)
    with step(f"{ALL[name].title}: {rate:,} transactions a second for {SECONDS} s"):
        load = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                start_new_session=True)
        try:
            time.sleep(2)
            begin, before = time.monotonic(), cpu(process)
            output, _ = load.communicate()
        finally:
            if load.poll() is None:
                load.kill()
                load.wait()
        spent = cpu(process) - before
        lags = probe.lags(begin)
    process.poll()
    quantiles = statistics.quantiles(lags, n=100)
    written = int(re.search(r"actually processed: (\d+)", output)[1])
    measured = {"seconds": SECONDS + 2, "peak_mb": process.peak / 1024}
    result = record(
        "latency", name, written, measured, rate=rate, cpu_percent=round(100 * spent / SECONDS, 1),
        lag_median=round(quantiles[49], 4), lag_p99=round(quantiles[98], 4))
    say(f"  p50 {1000 * quantiles[49]:.0f} ms, p99 {1000 * quantiles[98]:.0f} ms")
    return result


def cpu(process):
    """Seconds so far."""
    return sum(ticks(pid, 2) for pid in family(process.child.pid)) / os.sysconf("SC_CLK_TCK")
