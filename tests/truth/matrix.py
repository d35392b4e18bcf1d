# SPDX-License-Identifier: BSD-2-Clause
"""Every server, every way to call, every load: medians of some rounds, as a table on the terminal and as a page of the docs."""
import collections
import dataclasses
import os
import pathlib
import statistics
import string
import time

import lab as labs
import scenario
import servers
import targets
from measure import Result
from results import Results
from tap import Skip

TEMPLATE = pathlib.Path(__file__).with_name("accuracy.md.in")
EXIT_MORE_TO_DO = 75

Case = collections.namedtuple("Case", "row way load hooks")
Column = collections.namedtuple("Column", "title figure format")

COLUMNS = [
    Column("right %", "right", "{:.1f}"),
    Column("wrong %", "wrong", "{:.1f}"),
    Column("ambiguous %", "ambiguous", "{:.1f}"),
    Column("unattributed %", "unattributed", "{:.1f}"),
    Column("right, flagged or not %", "right_or_flagged", "{:.1f}"),
    Column("NET ms", "net_ms", "{:.2f}"),
    Column("TURN ms", "turn_ms", "{:.2f}"),
    Column("POOL ms", "pool_ms", "{:.2f}"),
    Column("READY ms", "ready_ms", "{:.2f}"),
]
TITLES = {column.figure: column.title.split(" ")[0] for column in COLUMNS} | {"conservation": "conservation"}


def cases(patterns):
    every = [Case(row, way, load, hooks) for row in servers.ROWS for way in row.calls for hooks in row.hooks for load in scenario.LOADS]
    return [case for case in every if not patterns or any(pattern in name_of(case) for pattern in patterns)]


def way_of(case):
    return case.way if case.hooks == "auto" else f"{case.way}, hooks {case.hooks}"


def name_of(case):
    return f"{case.row.name}, {way_of(case)}, {case.load.name}"


def sums_of(seconds):
    sums = collections.Counter()
    for each in seconds:
        sums.update(each)
    return dict(sums)


MERGE_BY_FIGURE = {"faults": lambda lists: sorted(set(sum(lists, []))), "seconds": sums_of}


def median_of(results):
    """Of each figure; faults are all of them, once; seconds are sums."""
    figures = {}
    for field in dataclasses.fields(Result):
        values = [getattr(result, field.name) for result in results]
        figures[field.name] = MERGE_BY_FIGURE.get(field.name, statistics.median)(values)
    return Result(**figures)


def is_of(case, column):
    """Without a pool nobody waits for one."""
    return column.figure != "pool_ms" or case.way == "pool"


def cells(case, result):
    missed = ", ".join(TITLES[figure] for figure in targets.missed(result, case.load.name, case.way))
    figures = [column.format.format(getattr(result, column.figure)) if is_of(case, column) else "–" for column in COLUMNS]
    return [case.row.name, way_of(case), case.load.name, *figures, missed or "–"]


def markdown(titles, texts, rows):
    """A table that reads well on a terminal too; the first `texts` columns are no figures."""
    lines = [titles, ["---"] * texts + ["---:"] * (len(titles) - texts), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def table(rows):
    return markdown(["server", "calls", "load", *(column.title for column in COLUMNS), "misses"], 3, [cells(*row) for row in rows])


def summary(done):
    """A row a server and way: right under each load, and the worst of the others."""
    by_way = collections.defaultdict(dict)
    for case, result in done:
        by_way[case.row.name, case.row.model, way_of(case)][case.load.name] = result
    rows = []
    for names, results in by_way.items():
        right = [f"{results[load.name].right:.1f}" if load.name in results else "–" for load in scenario.LOADS]
        worst = [max(getattr(result, figure) for result in results.values()) for figure in ("wrong", "ambiguous", "net_ms")]
        rows.append([*names, *right, f"{worst[0]:.1f}", f"{worst[1]:.1f}", f"{worst[2]:.2f}"])
    loads = [f"right %: {load.name}" for load in scenario.LOADS]
    return markdown(["server", "model", "calls", *loads, "wrong %, worst", "ambiguous %, worst", "NET ms, worst"], 3, rows)


def faults_of(case, result):
    """What must never be: of a run, and of a case."""
    wrong = [f"{result.wrong:.1f}% told as another request's"] if result.wrong > targets.WRONG_MAX else []
    return [f"{name_of(case)}: {fault}" for fault in [*result.faults, *wrong]]


def facts(done, results, failed):
    """What the page's text says, each from these rounds."""
    rounds = [len(results.of(name_of(case))) for case, _ in done]
    met = [not targets.missed(result, case.load.name, case.way) for case, result in done]
    by_default = [case.hooks == "auto" for case, _ in done]
    return {
        "summary": summary(done),
        "table": table(done),
        "rounds": str(min(rounds)) if min(rounds) == max(rounds) else f"{min(rounds)} to {max(rounds)}",
        "cases": len(done),
        "met": sum(met),
        "cases_by_default": sum(by_default),
        "met_by_default": sum(each and default for each, default in zip(met, by_default)),
        "requests": f"{sum(each.requests for case, _ in done for each in results.of(name_of(case))):,}",
        "faults": "\n".join(f"- {fault}" for case, result in done for fault in faults_of(case, result)) or "Nothing, in no run.",
        "skipped": "\n".join(f"- {name}: {reason}" for name, reason in results.skipped.items()
                             if not any(name == case.row.name for case, _ in done)) or "Nothing.",
        "failed": "\n".join(f"- {name}: {reason}" for name, reason in failed.items()) or "None.",
        "conservation": f"{max(result.conservation for _, result in done):.2f}",
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "kernel": os.uname().release,
    }


def cpu_model():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), os.uname().machine)


def write_page(path, values):
    path.write_text(string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")


def time_line(results):
    """Where the time of some runs went: what is not load is not measuring."""
    seconds = sums_of(result.seconds for result in results)
    total = sum(seconds.values())
    longest_first = sorted(seconds.items(), key=lambda step: -step[1])
    return f"{total:.0f} s: " + ", ".join(f"{step} {100 * value / total:.0f}%" for step, value in longest_first)


def run_case(case, results, options, until):
    """Measures the rounds that are missing, as long as there is time. Have all been made?"""
    make_server, more = case.row.make(case.way), case.row.more.get(case.way, "")
    name = name_of(case)
    if not options.resume:
        results.forget(name)
    while len(results.of(name)) < options.rounds:
        if time.monotonic() > until:
            return False
        results.add(name, scenario.run(make_server, case.load, options.requests, more, case.hooks))
    return True


def measure_cases(results, options):
    """Is more to be done? Failures and skips go to the results, too."""
    tried, until = set(), time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    for case in cases(options.pattern):
        if case.row.name in tried:
            continue
        name = name_of(case)
        try:
            if not run_case(case, results, options, until):
                return True
            print_case(case, results.of(name))
        except Skip as reason:
            tried.add(case.row.name)
            results.skip(case.row.name, str(reason))
            print(f"skipped: {case.row.name}: {reason}", flush=True)
        except Exception as error:  # whatever it is, the other cases go on
            results.fail(name, f"{type(error).__name__}: {error}")
            print(f"failed: {name}: {results.failed[name]}", flush=True)
    return False


def failed_of(every, results):
    """By name, why a case has no result, or lacks a round. What no run has come to has failed as well: a page never passes it over."""
    reasons = {}
    for case in every:
        name = name_of(case)
        if name in results.failed:
            reasons[name] = results.failed[name]
        elif not results.of(name) and case.row.name not in results.skipped:
            reasons[name] = "not run"
    return reasons


def print_case(case, rounds):
    result = median_of(rounds)
    print("| " + " | ".join(cells(case, result)) + " |", flush=True)
    print("".join(f"  fault: {fault}\n" for fault in result.faults), end="")


def run(options):
    """main's exit code: 1 if a run failed, or something was told that must never be."""
    if options.list:
        print("\n".join(dict.fromkeys(f"{case.row.name}, {way_of(case)}" for case in cases(options.pattern))))
        return 0
    if os.getuid() and not options.tell:
        print("truth: tracing needs root")
        return 1
    results = Results(labs.BUILD / "truth/rounds.jsonl", options.requests, Result)
    print(table([]))
    more = False
    if not options.tell:
        with labs.Lab() as lab:
            lab.keep_tracepoints_armed()
            more = measure_cases(results, options)
    every = cases(options.pattern)
    measured = [(case, median_of(rounds)) for case in every if (rounds := results.of(name_of(case)))]
    if options.tell:
        for case, _ in measured:
            print_case(case, results.of(name_of(case)))
    if measured:
        print(time_line([result for _, result in measured]))
    if results.left_out:
        print(f"{results.left_out} kept rounds are of other programs, or of another number of requests: left out")
    if more:
        print("more to do: go on with --resume")
        return EXIT_MORE_TO_DO
    failed = failed_of(every, results)
    if options.page and measured:
        write_page(options.page, facts(measured, results, failed))
    return 1 if failed or any(faults_of(case, result) for case, result in measured) else 0
