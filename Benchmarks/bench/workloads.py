"""The workloads that contenders take in turn: rows to copy, and backlogs to drain."""

import decimal
import shlex
import statistics
import subprocess
from types import SimpleNamespace

import psycopg2

from bench import data, verify
from bench.contenders import ALL, command, key_of
from bench.meter import Failed, Process, give_up
from bench.results import absent, record
from bench.settings import CHANGES, CHOSEN, ROOT, ROWS, RUNS, TRANSACTION, say, step

# In this order: those that run again are together, and Wherry comes behind Singer, whose tap can't read the messages
# that Wherry leaves in the log.
EVERYBODY = ["singer", "debezium", "mq-bridge", "fastins", "fasttxn", "ceiling", "source", "wherry"]
SOME = ["fasttxn", "ceiling", "source", "wherry"]

# kind: the tables. shape: the ceiling's counterpart. contenders: unless told. runs: of a contender that is quick.
STREAMS = {
    "backlog": SimpleNamespace(
        kind="rows", shape="mix", rows=ROWS, changes=CHANGES, churn="call churn(%s)", contenders=EVERYBODY, runs=RUNS),
    "hot": SimpleNamespace(
        kind="rows", shape="hot", rows=ROWS, changes=CHANGES, churn="call churn_hot(%s)", contenders=SOME, runs=RUNS),
    "wide": SimpleNamespace(
        kind="wide", shape="wide", rows=ROWS // 5, changes=CHANGES // 5, churn="call churn_wide(%s)", contenders=SOME,
        runs=RUNS),
    "tables": SimpleNamespace(
        kind="tables", shape="tables", rows=ROWS, changes=CHANGES, churn="call churn_tables(%s)", contenders=SOME,
        runs=RUNS),
    "transaction": SimpleNamespace(
        kind="rows", shape="mix", rows=ROWS, changes=TRANSACTION, churn=f"call churn(%s, {TRANSACTION})",
        contenders=["ceiling", "source", "wherry"], runs=1),
}


# What may go wrong with another's program.
BROKEN = Failed, OSError, subprocess.SubprocessError, psycopg2.Error, decimal.DecimalException


def chosen(default, possible):
    return default if CHOSEN is None else [name for name in possible if name in CHOSEN]


def in_turn(workload, contenders, reasons, runs, once, operations):
    """Runs all contenders once, then those that are repeated again. Of each the run with the median time counts.
    `once(name, turn)` returns the figures and what is wrong with the documents."""
    found, failed = {}, {name: reasons[name] for name in contenders if name in reasons}
    repeated = [name for name in contenders if ALL[name].is_repeated]
    for turn in range(runs):
        # Each time another one of them is first: whoever is behind another finds what that has left in caches.
        first = turn % max(1, len(repeated))
        for name in contenders if turn == 0 else repeated[first:] + repeated[:first]:
            if name in failed:
                continue
            try:
                run, wrong = once(name, turn + 1)
            except BROKEN as failure:
                if name == "wherry":
                    give_up(f"Wherry {failure}")
                say(f"{ALL[name].title}: {failure}")
                failed[name] = f"failed: {failure}"
                continue
            if name == "wherry" and wrong:
                give_up(f"Wherry's documents are wrong: {wrong}")
            found.setdefault(name, []).append((run, wrong))
    medians = {name: sorted(runs, key=seconds_of)[(len(runs) - 1) // 2][0] for name, runs in found.items()}
    results = []
    for name in contenders:
        if name in failed:
            results.append(absent(workload, name, failed[name]))
            continue
        run, more = medians[name], {"runs": [round(seconds_of(pair), 3) for pair in found[name]]}
        if "ceiling" in medians:
            more["ratio"] = round(ratio(found["ceiling"], found[name]), 3)
        if name not in ("ceiling", "source"):
            wrong = next((wrong for _, wrong in found[name] if wrong), "")
            more.update({"correct": not wrong, "wrong": wrong})
        results.append(record(workload, name, operations, run, command=run["command"], **more))
    return results


def seconds_of(pair):
    return pair[0]["seconds"]


def ratio(ceiling, runs):
    """The median of those of each turn: the machine's own speed changes from one to the next."""
    return statistics.median(seconds_of(limit) / seconds_of(run) for limit, run in zip(ceiling, runs))


def measure(name, turn, place, servers):
    words, environment = command(name, place)
    with step(f"{ALL[name].title}, run {turn}: {place.what}"):
        run = Process(name, words, servers, environment).finish()
    # Without what is so on this machine only.
    run["command"] = shlex.join(map(str, words)).replace(f"{ROOT}/", "")
    say(f"  {place.operations / run['seconds']:,.0f} a second in {run['seconds']:.2f} s")
    return run


def compared(name, place, servers):
    if name in ("ceiling", "source"):
        return ""
    with step("comparing documents with rows"):
        wrong = verify.compare(place.source, servers.client.bench, place.rows, place.changes, key_of(name))
    say(f"  {wrong or 'they are equal'}")
    return wrong


def seed(servers, reasons):
    source = data.prepare(servers, "rows", ROWS)

    def once(name, turn):
        begin_empty(name, servers)
        place = seed_place(name, source, servers, ROWS)
        run = measure(name, turn, place, servers)
        wrong = compared(name, place, servers)
        if name == "debezium":
            # A stream to it goes on from here.
            servers.keep(name)
        forget_pipeline(source, servers)
        return run, wrong

    return in_turn("seed", chosen(EVERYBODY, EVERYBODY), reasons, RUNS, once, ROWS)


def begin_empty(name, servers):
    if name != "source":
        with step(f"an empty mongod for {ALL[name].title}"):
            servers.restore("empty")


def seed_place(name, source, servers, rows):
    return SimpleNamespace(
        mode="seed", what=f"{rows:,} rows", operations=rows, source=source, target=servers.mongo, rows=rows, changes=0,
        slot=ALL[name].slot, programs=servers.programs)


def forget_pipeline(source, servers):
    """What a seed leaves at the source; at the target it goes with all else."""
    data.drop_slots(servers)
    data.query(source, "drop publication if exists wherry_bench")


def growth(servers, reasons):
    """Seeds of 1, 2, 4, 8 and 10 times the rows."""
    results = []
    for times in 1, 2, 4, 8, 10:
        source = data.prepare(servers, "rows", ROWS * times)

        def once(name, turn, source=source, times=times):
            begin_empty(name, servers)
            place = seed_place(name, source, servers, ROWS * times)
            run = measure(name, turn, place, servers)
            wrong = compared(name, place, servers)
            forget_pipeline(source, servers)
            return run, wrong

        contenders = chosen(["ceiling", "wherry"], EVERYBODY)
        results += in_turn(f"growth {times}", contenders, reasons, 1, once, ROWS * times)
        if times > 1:
            data.forget_rows(servers, "rows", ROWS * times)
    return results


def stream(workload):
    def run(servers, reasons):
        plan = STREAMS[workload]
        # The others know one table only.
        contenders = chosen(plan.contenders, EVERYBODY if plan.kind == "rows" else SOME)
        reasons = dict(reasons)
        source, begin, end = prepare_stream(servers, plan, contenders, reasons)

        def once(name, turn):
            contender = ALL[name]
            place = SimpleNamespace(
                mode="backlog", what=f"{plan.changes:,} changes", operations=plan.changes, source=source,
                target=servers.mongo, rows=plan.rows, changes=plan.changes, shape=plan.shape, slot=contender.slot,
                begin=begin, end=end, programs=servers.programs)
            if contender.begins_with:
                with step(f"mongod as it was, for {contender.title}"):
                    servers.restore(contender.begins_with)
            if contender.origin:
                data.copy_slot(source, contender.origin, contender.slot)
            figures = measure(name, turn, place, servers)
            wrong = compared(name, place, servers)
            if contender.slot:
                data.drop_slot(source, contender.slot)
            return figures, wrong

        results = in_turn(workload, contenders, reasons, plan.runs, once, plan.changes)
        data.drop_slots(servers)
        for name in "wherry", "ceiling":
            servers.forget(name)
        return results

    return run


def prepare_stream(servers, plan, contenders, reasons):
    """Rows, what mongod holds before the stream, the slots to copy, and the backlog. Returns the address of the source,
    and the positions before and behind the changes."""
    data.warn_of_rows(plan.rows, plan.changes)
    source = prepare_origins(servers, plan, contenders, reasons)
    begin = data.value(source, "select (pg_current_wal_lsn() - '0/0')::bigint")
    with step(f"writing {plan.changes:,} changes while nobody reads them"):
        end = data.write_backlog(source, plan.churn % plan.changes)
    say(f"  {data.held_wal(source)} of log to read")
    if "ceiling" in contenders and "ceiling" not in reasons:
        with step("documents for the ceiling"):
            servers.restore("empty")
            words, _ = command("ceiling", SimpleNamespace(
                mode="stock", shape=plan.shape, target=servers.mongo, rows=plan.rows))
            Process("ceiling", words, servers).finish()
            servers.keep("ceiling")
    return source, begin, end


def prepare_origins(servers, plan, contenders, reasons):
    """Everything before the first change; returns the address of the source."""
    source = data.prepare(servers, plan.kind, plan.rows)
    origins = {ALL[name].origin for name in contenders if name not in reasons}
    if "debezium" in contenders and "debezium" not in reasons and not servers.has_kept("debezium"):
        try:
            prepare_seed(servers, source, plan, "debezium")
        except Failed as failure:
            reasons["debezium"] = f"failed: {failure}"
        data.drop_slots(servers)
    # Its slot and its checkpoint have to be of the same moment. Others begin with the same documents.
    prepare_seed(servers, source, plan, "wherry")
    data.query(source, "select pg_copy_logical_replication_slot('wherry_bench', 'origin_wherry')")
    for plugin in "pgoutput", "wal2json":
        if f"origin_{plugin}" in origins:
            try:
                data.make_origin(source, plugin)
            except psycopg2.Error as error:
                reasons.update({name: f"not run: {error}" for name in ALL if ALL[name].origin == f"origin_{plugin}"})
    return source


def prepare_seed(servers, source, plan, name):
    with step(f"{plan.rows:,} documents by {ALL[name].title}, to begin with"):
        servers.restore("empty")
        words, environment = command(name, seed_place(name, source, servers, plan.rows))
        Process(name, words, servers, environment).finish()
        servers.keep(name)
