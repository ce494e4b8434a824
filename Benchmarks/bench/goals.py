"""What Wherry has to reach, on two cores that PostgreSQL, mongod and the contender share."""


def find(results, workload, contender="wherry"):
    """A result that has figures."""
    return next((
        result for result in results
        if result["workload"] == workload and result["contender"] == contender and "per_second" in result), None)


def at_least(title, workload, least, others=("ceiling",)):
    """Of the fastest of the others."""
    def judge(results):
        ours, theirs = find(results, workload), [find(results, workload, name) for name in others]
        speeds = [result["per_second"] for result in theirs if result]
        if not ours or not speeds:
            return None
        # Of the ceiling turn by turn.
        ratio = ours["ratio"] if others == ("ceiling",) and "ratio" in ours else ours["per_second"] / max(speeds)
        return title, f"{ratio:.2f} ×", f"at least {least} ×", ratio >= least
    return judge


def at_most(title, workload, key, most, unit):
    def judge(results):
        ours = find(results, workload)
        if not ours or key not in ours:
            return None
        return title, f"{ours[key]:,} {unit}".strip(), f"at most {most} {unit}".strip(), ours[key] <= most
    return judge


def ratio_of(workload, least):
    """To a ceiling measured beside it."""
    def judge(results):
        ours = find(results, workload)
        if not ours or "ratio" not in ours:
            return None
        return f"{workload}: share of the ceiling", f"{ours['ratio']:.2f}", f"at least {least}", ours["ratio"] >= least
    return judge


def flat(results):
    whole = find(results, "transaction")
    if not whole:
        return None
    ratio = whole["peak_mb"] / whole["early_mb"]
    return "transaction: peak memory beside that of its first fifth", f"{ratio:.2f} ×", "at most 1.1 ×", ratio <= 1.1


def hot_is_faster(results):
    hot, mixed = find(results, "hot"), find(results, "backlog")
    if not hot or not mixed:
        return None
    ratio = hot["per_second"] / mixed["per_second"]
    return "hot: beside the backlog", f"{ratio:.2f} ×", "more than 1 ×", ratio > 1


def grows(times):
    def judge(results):
        once, twice = find(results, f"growth {times}"), find(results, f"growth {2 * times}")
        if not once or not twice:
            return None
        ratio = twice["seconds"] / once["seconds"]
        title = f"growth: {2 * times} × the rows beside {times} ×"
        return title, f"{ratio:.2f} × the time", "at most 2.1 ×", ratio <= 2.1
    return judge


GOALS = [
    at_least("seed: beside the ceiling", "seed", 0.55),
    at_least("seed: beside mq-bridge", "seed", 2.5, ["mq-bridge"]),
    at_least("backlog: beside the ceiling", "backlog", 0.75),
    at_least("backlog: beside Debezium with our sinks", "backlog", 3, ["fasttxn", "fastins"]),
    at_least("backlog: beside Debezium with its own sink", "backlog", 10, ["debezium"]),
    at_most("seed: own CPU a row", "seed", "cpu_us_per_operation", 3.5, "µs"),
    at_most("backlog: own CPU a change", "backlog", "cpu_us_per_operation", 5, "µs"),
    at_most("seed: peak memory", "seed", "peak_mb", 80, "MB"),
    at_most("backlog: peak memory", "backlog", "peak_mb", 80, "MB"),
    at_most("transaction: peak memory", "transaction", "peak_mb", 80, "MB"),
    at_most("wide: peak memory", "wide", "peak_mb", 80, "MB"),
    at_most("tables: peak memory", "tables", "peak_mb", 80, "MB"),
    flat,
    hot_is_faster,
    at_least("tables: beside a ceiling that writes 200 collections", "tables", 0.8),
    grows(1), grows(2), grows(4),
    ratio_of("live", 0.25),
    at_most("live: peak memory", "live", "peak_mb", 150, "MB"),
    at_most("live: until a change is seen, p99", "live", "lag_p99", 1, "s"),
    at_most("live8: peak memory", "live8", "peak_mb", 150, "MB"),
    at_most("flood: peak memory", "flood", "peak_mb", 150, "MB"),
    at_most("plan: time", "plan", "seconds", 1, "s"),
    at_most("encoding: CPU a row", "encoding", "cpu_us_per_operation", 1, "µs"),
    at_most("encoding: allocations a row", "encoding", "allocations", 0.1, ""),
    at_most("renamed: instructions added", "renamed", "added", 0.15, ""),
    at_most("renamed: allocations a row", "renamed", "allocations", 0.1, ""),
]


def judge(results):
    """Of each goal that these results speak of: title, figure, goal, whether it is met."""
    return [found for found in (goal(results) for goal in GOALS) if found]
