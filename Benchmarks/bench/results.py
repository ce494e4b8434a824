"""A run's figures as one line of .dev/bench/results.jsonl."""

import json
import time

from bench.settings import BENCH


def record(workload, contender, operations, run, **more):
    """`run` has seconds, and as far as known cpu, peak_mb, postgres_cpu and mongod_cpu."""
    result = {
        "workload": workload,
        "contender": contender,
        "operations": operations,
        "seconds": round(run["seconds"], 3),
        "per_second": round(operations / run["seconds"]),
    }
    if "cpu_us_per_operation" in run:
        result["cpu_us_per_operation"] = run["cpu_us_per_operation"]
    elif "cpu" in run:
        result["cpu_us_per_operation"] = round(run["cpu"] * 1e6 / operations, 2)
    for key, decimals in ("peak_mb", 1), ("postgres_cpu", 2), ("mongod_cpu", 2):
        if key in run:
            result[key] = round(run[key], decimals)
    result.update(more)
    return save(result)


def absent(workload, contender, words):
    """One without figures, and what became of it."""
    return save({"workload": workload, "contender": contender, "absent": words})


def save(result):
    with open(BENCH / "results.jsonl", "a") as file:
        file.write(json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **result}) + "\n")
    return result
