"""The results as Markdown: the same tables on the terminal and in docs/benchmarks.md."""

import time

from bench.contenders import ALL
from bench.machine import machine
from bench.settings import CHANGES, ROWS, SECONDS, TRANSACTION

WHAT = {
    "seed": ("Seed", f"{ROWS:,} rows of about 400 bytes into an empty MongoDB."),
    "backlog": (
        "Backlog", f"{CHANGES:,} changes that were written before: 60 % inserts, 30 % updates, 10 % deletes, ten a "
        f"transaction, on {ROWS:,} rows."),
    "hot": ("Hot keys", f"{CHANGES:,} changes: 90 % updates of 1,000 keys, 10 % inserts."),
    "wide": (
        "Wide rows", f"{CHANGES // 5:,} changes of {ROWS // 5:,} rows of 2.5 KB: 80 % are updates that don't touch the "
        "2.3 KB of `jsonb`, which the stream then leaves out."),
    "tables": ("200 tables", f"{CHANGES:,} changes as in the backlog, of rows of 200 tables at random."),
    "transaction": ("One transaction", f"{TRANSACTION:,} changes as in the backlog, in one transaction."),
    "latency": (
        "Latency", f"Transactions of one row at a fixed rate, {SECONDS} s each. Measured is the time from the commit "
        "that has returned at the source until a change stream of MongoDB shows the document, of rows of a small table "
        "that is written 25 times a second besides. Peak memory is that of all rates so far."),
    "growth": ("Growth", "Seeds of more rows."),
    "alone": (
        "Live backfill, and parts", "`live` and `live8`: a backfill beside the stream under 2,000 changes a second, "
        "with 2 and 8 readers, and how long changes take meanwhile, as in `latency`. `flood`: a backfill of 5 times the "
        "rows, narrow ones, and one UPDATE of all of them meanwhile; the program is stopped when the backfill is "
        "finished, and a second one reads the rest. `plan`: from taking a pipeline over to its stream, of 10 times the "
        "rows. `encoding`, `renamed`, `computed`: one thread making documents; `decoding to batches`: decoding messages "
        "of pgoutput and folding them into a batch. `added`: instructions, as a part of those of `encoding`."),
}

# Key of a result, title, decimals.
SPEED = [("seconds", "seconds", 2), ("per_second", "per second", 0), ("ratio", "of the ceiling", 2)]
COST = [("cpu_us_per_operation", "own CPU, µs each", 2), ("peak_mb", "peak MB", 1)]
LAG = [("lag_median", "p50, ms", 0), ("lag_p99", "p99, ms", 0)]
EQUAL = ("equal", "sample equals rows", 0)
TURN_COLUMNS = [
    ("title", "contender", 0), *SPEED, *COST, ("postgres_cpu", "PostgreSQL CPU, s", 1),
    ("mongod_cpu", "mongod CPU, s", 1), ("range", "runs, s", 0), EQUAL,
]
LATENCY_COLUMNS = [
    ("title", "contender", 0), ("rate", "asked, a second", 0), ("per_second", "written, a second", 0), *LAG,
    ("cpu_percent", "own CPU, % of a core", 0), ("peak_mb", "peak MB", 1), EQUAL,
]
ALONE_COLUMNS = [
    ("workload", "workload", 0), *SPEED, ("cpu_us_per_operation", "CPU, µs each", 2), ("peak_mb", "peak MB", 1), *LAG,
    ("changes_per_second", "load, a second", 0),
    ("instructions", "instructions", 0), ("allocations", "allocations", 2), ("added", "added", 3),
]


def sections(results):
    """Of each workload that has run: its name, its results, its columns."""
    groups = {}
    for result in results:
        first = result["workload"].split()[0]
        groups.setdefault(first if first in WHAT else "alone", []).append(result)
    for name in WHAT:
        if name in groups:
            columns = {"latency": LATENCY_COLUMNS, "alone": ALONE_COLUMNS}.get(name, TURN_COLUMNS)
            # As they are listed there; those of one contender stay in their order.
            yield name, sorted(groups[name], key=lambda result: list(ALL).index(result["contender"])), columns


def shown(result):
    """With what is only for people."""
    name = result["contender"]
    words = dict(result, title=ALL[name].title)
    if len(result.get("runs", [])) > 1:
        words["range"] = f"{len(result['runs'])}: {min(result['runs']):.1f} to {max(result['runs']):.1f}"
    if result["workload"] == "plan" or "instructions" in result:
        words = {key: words[key] for key in words if key not in ("seconds", "per_second")}
        if result["workload"] == "plan":
            words["seconds"] = f"{result['seconds']:.3f}"
    if name == "source" and "per_second" in result:
        words["title"] += ": COPY" if result["workload"] == "seed" else ": pg_recvlogical"
    if result["workload"].startswith("growth"):
        words["title"] += f", {result.get('operations', 0):,} rows"
    if "correct" in result:
        words["equal"] = "yes" if result["correct"] else result["wrong"]
    for key in "lag_median", "lag_p99":
        if key in result:
            words[key] = 1000 * result[key]
    return words


def cell(value, decimals):
    return value if isinstance(value, str) else f"{value:,.{decimals}f}"


def table(results, columns):
    """Lines of Markdown, also readable as they are."""
    rows = []
    for result in results:
        words = shown(result)
        cells = [cell(words[key], decimals) if key in words else "" for key, _, decimals in columns]
        if "absent" in result:
            cells[1:] = ["–"] * (len(columns) - 2) + [result["absent"]]
        rows.append([text.replace("|", "\\|").replace("\n", " ") for text in cells])
    used = [i for i in range(len(columns)) if any(row[i] not in ("", "–") for row in rows)]
    titles = [columns[i][1] for i in used]
    rows = [[row[i] for i in used] for row in rows]
    widths = [max(len(row[i]) for row in [titles, *rows]) for i in range(len(used))]
    left = [columns[i][0] in ("title", "workload", "equal") for i in used]

    def line(cells):
        return "| " + " | ".join(
            text.ljust(width) if is_left else text.rjust(width)
            for text, width, is_left in zip(cells, widths, left)) + " |"

    rule = "|" + "|".join(("-" * (width + 2)) if is_left else "-" * (width + 1) + ":"
                          for width, is_left in zip(widths, left)) + "|"
    return [line(titles), rule, *map(line, rows)]


def goals_table(judged):
    lines = ["| goal | is | should be | |", "|---|---|---|---|"]
    for title, figure, goal, met in judged:
        lines.append(f"| {title} | {figure} | {goal} | {'met' if met else '**missed**'} |")
    return lines


def markdown(results, judged, versions):
    lines = [
        "# Benchmarks", "",
        f"Written by `make bench` on {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC. PostgreSQL, mongod and the "
        "contender share one machine. The contenders of a workload run one after the other; those with several runs do "
        "so in turn, each time with another one first.", "",
        "![Rows and changes a second](benchmarks.svg)", "",
        "## Machine and versions", "", *(f"- {name}: {words}" for name, words in [*machine(), *versions]), "",
        "## Goals", "", *goals_table(judged), "",
    ]
    for name, group, columns in sections(results):
        title, what = WHAT[name]
        lines += [f"## {title}", "", what, "", *table(group, columns), ""]
    lines += [*method(results)]
    return "\n".join(lines)


def commands(results):
    """How each was started, once for rows and once for changes."""
    lines = ["## Commands", "", "```sh"]
    for workload in "seed", "backlog":
        lines += [result["command"] for result in results if result["workload"] == workload and "command" in result]
    return [*lines, "```", ""] if len(lines) > 3 else []


def method(results):
    names = [name for name in ALL if any(result["contender"] == name for result in results)]
    return [
        "## Contenders", "", *(f"- **{ALL[name].title}**: {ALL[name].remark}" for name in names), "",
        "## How it is measured", "",
        "- Seconds: from the start of the process (of the JVM, too) until MongoDB has acknowledged the last row; of "
        "Wherry and of the source alone until the process has ended; of the ceiling only its writes.",
        "- Own CPU and peak memory: of the contender's processes only. Where there are several runs (column "
        "`runs`), all figures are those of the one with the median time, and the share of the ceiling is the median of "
        "those of each turn. Of `encoding` and its like the fastest of five counts.",
        "- The ceiling is a C program that knows the changes: it writes the same documents in bulks of the same library, "
        "5,000 changes a transaction, those of one key folded into one, on one connection, and reads no source. It "
        "prepares nothing while MongoDB works, so that it can be beaten. Wherry ends a batch at 5,000 writes or 4 MiB, "
        "and earlier when MongoDB waits; where keys are hot it may therefore write less than the ceiling.",
        "- A backlog is written once. Every run reads it by a copy of a replication slot made before it. mongod begins "
        "on a copy of its files from before the backlog, with the documents read into its cache.",
        "- After each run the documents are counted, and a sample (of each of up to five tables 200 rows, 200 of those "
        "written last, 100 of those deleted) is compared: status, amount, note, and of wide rows the large value. Types "
        "are not compared. Of `live` and `flood` the documents are counted. Where Wherry's are wrong, there is no "
        "report.",
        "- Debezium has batches of 8,192 and a heap of 2 GB; it polls every 500 ms, for latency every 10 ms.",
        "- Both servers write durably: `fsync`, and MongoDB's default write concern (majority).", "",
        *commands(results),
        "## Again", "", "```sh", "make bench                                        # all of this",
        'make bench WORKLOADS="seed backlog" CONTENDERS="ceiling wherry fasttxn" N=100000 M=50000', "```", "",
        "Contenders: " + ", ".join(f"`{name}`" for name in ALL) + ".", "",
    ]
