"""What the environment says, the paths, and how progress is told."""

import contextlib
import os
import pathlib
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ROOT / "Benchmarks"
BENCH = ROOT / ".dev/bench"
RELEASE = ROOT / ".build/release"
WHERRY = os.environ.get("WHERRY_BINARY") or str(RELEASE / "wherry")

FULL_ROWS, FULL_CHANGES, FULL_TRANSACTION, FULL_SECONDS = 1_000_000, 500_000, 5_000_000, 20
ROWS = int(os.environ.get("N", FULL_ROWS)) // 1000 * 1000
CHANGES = int(os.environ.get("M", FULL_CHANGES)) // 10 * 10
# Of the one transaction.
TRANSACTION = int(os.environ.get("C", FULL_TRANSACTION)) // 10 * 10
# How long each rate of `latency` lasts.
SECONDS = int(os.environ.get("T", FULL_SECONDS))
# An odd number: of each contender the run with the median time counts.
RUNS = int(os.environ.get("RUNS", 3))
# Operations of one write of the ceiling.
BATCH = 5_000

IN_TURN = ["seed", "backlog", "hot", "wide", "tables", "transaction", "latency"]
ALONE = ["live", "live8", "flood", "plan", "encoding"]
WORKLOADS = os.environ.get("WORKLOADS", " ".join(IN_TURN + ALONE)).split()
# None: those that are meant for each workload.
CHOSEN = os.environ["CONTENDERS"].split() if os.environ.get("CONTENDERS") else None


def has_full_size():
    """Whether the goals are meant for runs as large as this one."""
    return (ROWS, CHANGES, TRANSACTION, SECONDS) == (FULL_ROWS, FULL_CHANGES, FULL_TRANSACTION, FULL_SECONDS)


def is_full():
    """Whether the workloads of this run may become a part of docs/benchmarks.md."""
    return has_full_size() and CHOSEN is None and RUNS >= 3


def say(line):
    print(f"bench: {line}", flush=True)


@contextlib.contextmanager
def step(words):
    """Says what is done, every ten seconds that it still is, and how long it took."""
    say(words)
    begin, over = time.monotonic(), threading.Event()

    def remind():
        while not over.wait(10):
            say(f"  … {time.monotonic() - begin:.0f} s")

    reminder = threading.Thread(target=remind, daemon=True)
    reminder.start()
    try:
        yield
    finally:
        over.set()
        reminder.join()
    say(f"  {time.monotonic() - begin:.1f} s")
