"""What every row passes through, on one thread, counted by valgrind: instructions and allocations of one row."""

import re
import subprocess

from bench.results import record
from bench.settings import RELEASE, step

PROGRAM = RELEASE / "wherry-hot-path"
EACH_ROUND = 1000
FEW, MANY = 2, 7
# Of a result, by what the program does.
WORKS = {"none": "encoding", "renamed": "renamed", "computed": "computed", "stream": "decoding to batches"}


def hot_path(servers, reasons):
    results = []
    for work, name in WORKS.items():
        with step(f"counting instructions: {name}"):
            # Of five the fastest: nothing else is measured than what it takes undisturbed.
            spent = min(nanoseconds(work) for _ in range(5))
            counted = instructions(work)
        more = {"added": round(counted / results[0]["instructions"] - 1, 3)} if work in ("renamed", "computed") else {}
        seconds = spent * EACH_ROUND / 1e9
        results.append(record(
            name, "wherry", EACH_ROUND, {"seconds": seconds, "cpu": seconds}, instructions=round(counted),
            allocations=round(allocations(work), 3), **more))
    return results


def nanoseconds(work):
    return float(subprocess.check_output([PROGRAM, work, "1000"], text=True).split()[0])


def instructions(work):
    def count(rounds):
        output = valgrind(["--tool=callgrind", "--callgrind-out-file=/dev/null"], work, rounds)
        return int(re.search(r"Collected : (\d+)", output)[1])
    return of_one(count)


def allocations(work):
    def count(rounds):
        output = valgrind(["--run-libc-freeres=no"], work, rounds)
        return int(re.search(r"total heap usage: ([\d,]+) allocs", output)[1].replace(",", ""))
    return of_one(count)


def of_one(count):
    """The cost of starting is the same in two runs, and cancels in their difference."""
    return (count(MANY) - count(FEW)) / (MANY - FEW) / EACH_ROUND


def valgrind(options, work, rounds):
    words = ["valgrind", *options, PROGRAM, work, str(rounds)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stderr
