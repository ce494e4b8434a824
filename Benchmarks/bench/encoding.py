"""One thread making documents of rows, counted by valgrind."""

import re
import subprocess

from bench.results import record
from bench.settings import RELEASE, step


def encoding(servers, reasons):
    """By mapping; what is the same in every run, whatever the count of rows, is left out by two of them."""
    results = []
    for mapping, name in ("none", "encoding"), ("renamed", "renamed"), ("computed", "computed"):
        with step(f"encoding rows: {name}"):
            (few, begun), (many, ended) = (valgrind(mapping, rounds) for rounds in (2, 12))
            rows = 10 * 1000
            # Of five the fastest: nothing else is measured than what it takes undisturbed.
            spent = min(float(encode(mapping, 1000).split()[-4]) for _ in range(5)) / 1e3
        instructions = round((many - few) / rows)
        more = {"added": round(instructions / results[0]["instructions"] - 1, 3)} if results else {}
        results.append(record(
            name, "wherry", rows, {"seconds": spent * rows / 1e6, "cpu": spent * rows / 1e6},
            instructions=instructions, allocations=round((ended - begun) / rows, 3), **more))
    return results


def encode(*words):
    return subprocess.check_output([*map(str, (RELEASE / "wherry-encoding", *words))], text=True)


def valgrind(mapping, rounds):
    """Instructions and allocations of a whole process."""
    program = [RELEASE / "wherry-encoding", mapping, str(rounds)]
    counted = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *program],
        check=True, capture_output=True, text=True).stderr
    heap = subprocess.run(
        ["valgrind", "--run-libc-freeres=no", *program], check=True, capture_output=True, text=True).stderr
    return (
        int(re.search(r"Collected : (\d+)", counted)[1]),
        int(re.search(r"total heap usage: ([\d,]+) allocs", heap)[1].replace(",", "")),
    )
