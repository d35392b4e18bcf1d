# SPDX-License-Identifier: BSD-2-Clause
"""What a comparison came to: medians, tables, what can be concluded from them, and the page. All of it from one run."""
import collections
import dataclasses
import pathlib
import statistics
import string

import cases
import life
import matrix
import versions
from window import STATES, Window

TEMPLATE = pathlib.Path(__file__).with_name("compare.md.in")
TOLD_RIGHT_MIN = 95  # % of the computing; below that, or with more of the time wrong, where the time went is not shown
TIME_WRONG_MAX = 5  # % of the mean request
AMONG_THE_BEST = 0.9  # of the most requests a second
QUIET_CORES = 0.1  # what others than this run may use of the machine in a run that is called quiet
QUIET_SHARE_MIN = 0.8  # of the runs; else nothing is concluded from requests a second

Column = collections.namedtuple("Column", "title cell")


# ---- figures


def median_window(windows):
    """Of each figure by itself; the verdict is the most frequent, faults are all of them, once."""
    figures = {}
    for field in dataclasses.fields(Window):
        each = [getattr(window, field.name) for window in windows]
        if field.name == "states":
            figures["states"] = {state: statistics.median(states[state] for states in each) for state in STATES}
        elif field.name == "verdict":
            figures["verdict"] = statistics.mode(each)
        elif field.name == "faults":
            figures["faults"] = sorted(set(sum(each, [])))
        else:
            figures[field.name] = statistics.median(each)
    return Window(**figures)


def is_told(window):
    """Does the tracer know where this server's time goes?"""
    return window.right >= TOLD_RIGHT_MIN and window.time_wrong <= TIME_WRONG_MAX


def rest(window):
    return max(window.wall - sum(window.states.values()), 0.0)


def largest_wait(window):
    """The state that most of a request's time goes to, except for what every server must do for it: (its name, its share in %)."""
    waits = {name.upper(): ms for name, ms in window.states.items() if name not in ("cpu", "net")} | {"else": rest(window)}
    name = max(waits, key=waits.get)
    return name, 100 * waits[name] / window.wall


# ---- tables, in Markdown, which reads well on a terminal too


def table(titles, rows):
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def ms(value):
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def told(cell):
    """Of a column that only a tracer knows: nothing is shown that it does not know."""
    return lambda window: cell(window) if is_told(window) else "?"


def state_column(name):
    return Column(name.upper(), told(lambda window: ms(window.states[name])))


COLUMNS = [
    Column("req/s", lambda window: f"{window.rate:.0f}"),
    Column("p50", lambda window: ms(window.p50)),
    Column("p99", lambda window: ms(window.p99)),
    Column("p50 traced", lambda window: ms(window.seen_p50)),
    Column("p99 traced", lambda window: ms(window.seen_p99)),
    *map(state_column, STATES),
    Column("else", told(lambda window: ms(rest(window)))),
    Column("all CPU", lambda window: ms(window.all_cpu)),
    Column("switches v / i", told(lambda window: f"{window.voluntary:.1f} / {window.involuntary:.1f}")),
    Column("IO:CPU", told(lambda window: f"{window.io_cpu:.1f}")),
    Column("threads", lambda window: f"{window.threads:.0f}"),
    Column("MB", lambda window: f"{window.memory_mb:.0f}"),
    Column("told right %", lambda window: f"{window.right:.0f}"),
    Column("wrong ms %", lambda window: f"{window.time_wrong:.1f}"),
    Column("verdict", told(lambda window: window.verdict)),
]


def case_table(case, found):
    rows = [[model.name, *(column.cell(window) for column in COLUMNS)] for (model, of), window in found.items() if of == case]
    return f"### {case.name()}\n\n" + table(["server", *(column.title for column in COLUMNS)], rows)


def heading(case):
    load = f", {case.rate}/s" if case.rate else ""
    return f"{case.workload.name}: {case.cores} core{'s' if case.cores > 1 else ''}{load}"


def by_model(corner, models, found, columns):
    """columns: [(title, case, cell(window))]"""
    rows = [[model.name, *(cell(found[model, case]) if (model, case) in found else "–" for _, case, cell in columns)] for model in models]
    return table([corner, *(title for title, _, _ in columns)], rows)


def rate_table(models, found):
    return by_model("requests/s", models, found, [(heading(case), case, lambda window: f"{window.rate:.0f}") for case in saturated_cases()])


def wait_table(models, found):
    """What requests wait for most."""
    def cell(window):
        name, share = largest_wait(window)
        return f"{name} {share:.0f}%"
    return by_model("waits", models, found, [(heading(case), case, told(cell)) for case in cases.CASES])


def price_table(models, found, waiting_bytes):
    """What a model costs besides the work itself."""
    one, two, work_ms = cases.Case(cases.SHORT, 1), cases.Case(cases.SHORT, 2), cases.SHORT.cpu_ms
    prices = {model: f"{size / 1024:.1f}" for model, size in waiting_bytes.items()}
    columns = [(f"{title}, {case.cores} core{'s' if case.cores > 1 else ''}", case, cell) for case in (one, two) for title, cell in (
        ("CPU µs", lambda window: f"{1000 * (window.all_cpu - work_ms):.0f}"),
        ("switches v / i", told(lambda window: f"{window.voluntary:.1f} / {window.involuntary:.1f}")),
        ("threads", lambda window: f"{window.threads:.0f}"))]
    lines = by_model("price", models, found, columns).splitlines()
    memory = ["KB a waiting request", "---:", *(prices.get(model, "–") for model in models)]
    return "\n".join(f"{line} {cell} |" for line, cell in zip(lines, memory))


# ---- conclusions: sentences that hold whatever the figures are


def saturated_cases():
    return [case for case in cases.CASES if not case.rate]


def of_case(case, found):
    """(model's name, window), those with the most requests a second first."""
    rows = [(model.name, window) for (model, of), window in found.items() if of == case]
    return sorted(rows, key=lambda row: -row[1].rate)


def is_quiet(window):
    return window.others_cores <= QUIET_CORES


def conclude(lines, windows):
    """Whose requests a second these are, only a quiet machine can tell: a busy one gives each model another share of its cores."""
    if sum(map(is_quiet, windows)) >= QUIET_SHARE_MIN * len(windows):
        return "\n".join(lines)
    used = statistics.median(window.others_cores for window in windows)
    return f"- Not to be told from this run: others used {used:.1f} cores meanwhile (median), and took them from each model differently."


def best_line(case, found):
    rows = of_case(case, found)
    best, (last, least) = rows[0][1].rate, rows[-1]
    good = [f"{name} ({window.rate:.0f})" for name, window in rows if window.rate >= AMONG_THE_BEST * best]
    return f"- {heading(case)}: {', '.join(good)}. The fewest: {last} ({least.rate:.0f})."


def scale_line(workload, found):
    one, two = (dict(of_case(cases.Case(workload, cores), found)) for cores in (1, 2))
    gains = sorted(((two[name].rate / one[name].rate, name) for name in one if name in two), reverse=True)
    return f"- {workload.name}: " + ", ".join(f"{name} {gain:.1f}" for gain, name in gains) + "."


# ---- the page


def bullet_list(lines, otherwise):
    return "\n".join(f"- {line}" for line in lines) or otherwise


def values(comparison, rounds):
    """What the template's names stand for."""
    found = {key: median_window(windows) for key, windows in comparison.windows.items()}
    present = [case for case in cases.CASES if any(of == case for _, of in found)]
    windows = sum(comparison.windows.values(), [])
    faults = [f"{model.name}, {case.name()}: {fault}" for (model, case), window in found.items() for fault in window.faults]
    untold = sorted({model.name for (model, _), window in found.items() if not is_told(window)})
    return versions.facts() | {
        "rounds": rounds,
        "connections": cases.CONNECTIONS,
        "workers": cases.POOL_THREADS,
        "rates": rate_table(comparison.models, found),
        "waits": wait_table(comparison.models, found),
        "prices": price_table(comparison.models, found, comparison.waiting_bytes),
        "tables": "\n\n".join(case_table(case, found) for case in present),
        "models": bullet_list([f"{model.name}: {model.one_line}" for model in comparison.models], ""),
        "skipped": bullet_list([f"{name}: {reason}" for name, reason in comparison.skipped.items()], "Nothing."),
        "faults": bullet_list(faults, "Nothing."),
        "untold": ", ".join(untold) or "none",
        "told_right": TOLD_RIGHT_MIN,
        "time_wrong": TIME_WRONG_MAX,
        "among": f"{1 - AMONG_THE_BEST:.0%}",
        "best": conclude([best_line(case, found) for case in present if not case.rate], windows),
        "scales": conclude([scale_line(workload, found) for workload in cases.WORKLOADS], windows),
        "short": cases.SHORT.name,
        "warm": life.WARM["requests"],
        "waiting": " and ".join(map(str, life.WAITING)),
        "away": f"{statistics.median(window.away_cores for window in windows):.2f}" if windows else "–",
        "quiet": sum(map(is_quiet, windows)),
        "quiet_cores": QUIET_CORES,
        "runs": len(windows),
        "cpu": matrix.cpu_model(),
    }


def write(path, found):
    path.write_text(string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(found), encoding="utf-8")
