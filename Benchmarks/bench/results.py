"""A run's figures as one line of .dev/bench/results.jsonl, and those of full workloads until all have run."""

import hashlib
import json
import pathlib
import time

from bench.settings import BENCH, BENCHMARKS, RUNS, WHERRY


def record(workload, contender, operations, run, **more):
    """`run` has seconds, and as far as known cpu, peak_mb, early_mb, postgres_cpu and mongod_cpu."""
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
    for key, decimals in ("peak_mb", 1), ("early_mb", 1), ("postgres_cpu", 2), ("mongod_cpu", 2):
        if key in run:
            result[key] = round(run[key], decimals)
    result.update(more)
    return save(result)


def keep(workload, results):
    """Those of a workload in full size, for the report of all: they need not run in one go."""
    folder = full_of_this_program()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{workload}.json").write_text(json.dumps(results))


def kept(workloads):
    """What `keep` has had, by the name of the workload."""
    paths = {name: full_of_this_program() / f"{name}.json" for name in workloads}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}


# What is read of results, and makes none.
SHOWING = {"goals.py", "plot.py", "report.py"}


def full_of_this_program():
    """Of this build of Wherry, and of all that measures it."""
    measuring = [path for path in BENCHMARKS.rglob("*") if path.is_file() and path.name not in SHOWING
                 and ".build" not in path.parts and path.suffix != ".pyc"]
    summed = hashlib.sha256(str(RUNS).encode())
    for path in [pathlib.Path(WHERRY), *sorted(measuring)]:
        summed.update(path.read_bytes())
    return BENCH / "full" / summed.hexdigest()[:12]


def absent(workload, contender, words):
    """One without figures, and what became of it."""
    return save({"workload": workload, "contender": contender, "absent": words})


def save(result):
    with open(BENCH / "results.jsonl", "a") as file:
        file.write(json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **result}) + "\n")
    return result
