# SPDX-License-Identifier: BSD-2-Clause
"""The measuring itself, on what a server could have logged and the tracer told: a share must fall where the mistake is."""
import told
import truth
from measure import measure, share_cpu

THREAD = 7
MS = 1_000_000


def burned(start_ms, end_ms):
    return f"{THREAD}:{start_ms * MS}:{end_ms * MS}:{(end_ms - start_ms) * MS}"


def pair(number, burns, runs, ambiguous=False, stolen_ms=0):
    """(Told, truth.Pair) of a request that burned and ran so, each a list of (start, end) in ms."""
    states = [told.Stretch("cpu", start * MS, end * MS) for start, end in runs]
    request = told.Told(f"/work?id={number}", 200, ambiguous, runs[0][0] * MS, runs[-1][1] * MS, 0, 0, stolen_ms * MS,
                        stretches=states)
    request.runs = [told.Run(THREAD, start * MS, end * MS) for start, end in runs]
    burned_ns = sum(end - start for start, end in burns) * MS
    logged = {"id": number, "burns": ";".join(burned(*burn) for burn in burns), "cpu_burned_ns": burned_ns}
    return request, truth.Pair(request.traced(), logged, [], {"id": number, "sent_ns": runs[0][0] * MS})


def shares(*pairs):
    found = share_cpu([request for request, _ in pairs], pairs)
    return {name: found.percent(name) for name in ("right", "wrong", "ambiguous", "unattributed", "flagged_right")}


def check(tap):
    swapped = [pair(1, [(0, 10)], [(10, 20)]), pair(2, [(10, 20)], [(0, 10)])]
    tap.equal("two that were swapped are wrong, though their sums agree", shares(*swapped)["wrong"], 100)
    halves = [pair(1, [(0, 10)], [(0, 5)]), pair(2, [(10, 20)], [(5, 20)])]
    tap.equal("right and wrong, where a half went to the next one", [shares(*halves)[name] for name in ("right", "wrong")], [75, 25])
    marked = [pair(1, [(0, 10)], [(10, 20)], ambiguous=True), pair(2, [(10, 20)], [(0, 10)], ambiguous=True)]
    tap.equal("what is marked is neither right nor wrong", shares(*marked),
              {"right": 0, "wrong": 0, "ambiguous": 100, "unattributed": 0, "flagged_right": 0})
    tap.equal("… and may be right all the same", shares(pair(1, [(0, 10)], [(0, 10)], ambiguous=True))["flagged_right"], 100)
    tap.equal("what nobody was told to have run", shares(pair(1, [(0, 10)], [(0, 4)]))["unattributed"], 60)
    tap.equal("what was taken from one by the hypervisor's share of the core", [
        shares(pair(1, [(0, 10)], [(0, 4)], stolen_ms=2), pair(2, [(10, 20)], [(10, 20)], stolen_ms=1))[name]
        for name in ("right", "unattributed")], [80, 20])
    process = told.Process(1, 20 * MS, 20 * MS, 0, 0, 0, 0)
    rows = [{"id": 1}, {"id": 2}]
    request = pair(1, [(0, 10)], [(0, 10)])
    result = measure([request[0], request[0]], [process], {"records": 3}, [request], rows, rows, (20 * MS, 20 * MS), {})
    tap.equal("what must never be", result.faults, ["1 requests not told", "1 requests told twice", "lost 3 records"])
    result = measure([request[0]], [process._replace(cpu_ns=25 * MS)], {}, [request], rows[:1], rows, (20 * MS, 20 * MS), {})
    tap.equal("parts that do not sum", result.faults, ["the parts of the CPU do not sum to it"])
    tap.equal("CPU beyond what the kernel charged, in %", result.conservation, 25)
