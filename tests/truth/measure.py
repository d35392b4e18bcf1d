# SPDX-License-Identifier: BSD-2-Clause
"""How right the tracer was in one run: what it told beside what server, downstream and load generator logged.

CPU. A server logs each stretch of computing (a burn): for which request, on which thread, from when to when, and the CPU that the thread
used meanwhile. The tracer tells when which thread ran for which request. Laid over each other, each burned nanosecond has a true owner and
at most one told one, and falls into one of four:
  right         told as its request's, which is not marked ambiguous; also where that was told to have lost its core to the hypervisor:
                the scheduler says how much of what a thread ran from switch to switch was stolen, but not where in it
  wrong         told as another request's, which is not marked ambiguous
  ambiguous     told as some request's that is marked ambiguous, be it the true one or not
  unattributed  told as no request's
Two requests whose burns were swapped are wrong by both burns, even if their sums agree.

Time, mean absolute error of a request:
  NET    the state against the union of the holds that the downstream logged (tests/live/truth.py says how)
  TURN   from the moment that it could go on (it was sent, a call was answered) to the burn that follows, a request waits for its turn:
         what of that is told as anything but LOOP, QUEUE, READY, LOCK or CPU, and LOOP and QUEUE told anywhere else
         up to the last burn
  POOL   from a burn's end to the arrival of the call that follows it waits for a connection: what of that is told as anything but POOL,
         LOOP, READY or CPU, and POOL told anywhere else
  READY  within burns: the state (and LOCK: an interpreter's) against the time that the burn took beyond its CPU
"""
import bisect
import collections
import dataclasses
import statistics

import truth
from truth import NS_PER_MS

OWN_TURN = {"cpu", "ready", "loop", "queue", "lock"}
POOL_WAIT = {"cpu", "ready", "loop", "pool"}
AWAY = {"ready", "lock"}

Burn = collections.namedtuple("Burn", "tid start_ns end_ns cpu_ns")


def burns_of(row):
    """Raises if the server's log does not list all that its request burned."""
    burns = [Burn(*map(int, burn.split(":"))) for burn in str(row["burns"]).split(";") if burn]
    if sum(burn.cpu_ns for burn in burns) != row["cpu_burned_ns"]:
        raise RuntimeError(f"request {row['id']}: the burns that its server lists are not what it burned")
    return burns


@dataclasses.dataclass
class Shares:
    """Of the burned CPU, in ns. flagged_right: the part of `ambiguous` whose request was the true one."""

    burned: int = 0
    right: int = 0
    wrong: int = 0
    ambiguous: int = 0
    unattributed: int = 0
    flagged_right: int = 0

    def percent(self, name):
        return 100 * getattr(self, name) / self.burned


# ---- CPU


def runs_by_thread(told):
    """By thread, in the order of time: (start, end, request)."""
    runs = collections.defaultdict(list)
    for request in told:
        for run in request.runs:
            runs[run.tid].append((run.start_ns, run.end_ns, request))
    for each in runs.values():
        each.sort(key=lambda run: run[:2])
    return runs


def overlaps(runs, burn):
    """(ns, request) of the runs of the burn's thread that fall into it. A thread's runs do not overlap."""
    at = max(bisect.bisect_right(runs, burn.start_ns, key=lambda run: run[0]) - 1, 0)
    while at < len(runs) and runs[at][0] < burn.end_ns:
        start, end, request = runs[at]
        if end > burn.start_ns:
            yield min(end, burn.end_ns) - max(start, burn.start_ns), request
        at += 1


def share_cpu(told, pairs):
    """The four shares. Clocks of two observers: what the tracer saw of a burn is cut to what the thread's clock says it took."""
    shares, runs = Shares(), runs_by_thread(told)
    for request, pair in pairs:
        stolen = 0 if request.ambiguous else request.stolen_ns
        for burn in burns_of(pair.truth):
            left = burn.cpu_ns
            shares.burned += left
            for ns, owner in overlaps(runs[burn.tid], burn):
                ns = min(ns, left)
                left -= ns
                if owner.ambiguous:
                    shares.ambiguous += ns
                    shares.flagged_right += ns if owner is request else 0
                elif owner is request:
                    shares.right += ns
                else:
                    shares.wrong += ns
            taken = min(left, stolen)
            stolen -= taken
            shares.right += taken
            shares.unattributed += left - taken
    return shares


# ---- time


def told_within(stretches, windows, states, outside=False):
    """How long one of the states is told within the windows; outside: of all other time."""
    inside_ns = sum(max(0, min(stretch.end_ns, end) - max(stretch.start_ns, start))
                    for stretch in stretches if stretch.state in states for start, end in windows)
    return sum(stretch.end_ns - stretch.start_ns for stretch in stretches if stretch.state in states) - inside_ns if outside else inside_ns


ALL_STATES = {"cpu", "ready", "disk", "net", "loop", "queue", "lock", "pool", "log", "client", "sleep", "other"}


def windows_of(pair):
    """(waits for its turn, waits for a connection), as (start, end); None where burns and calls do not alternate."""
    burns, calls = burns_of(pair.truth), sorted(pair.calls, key=lambda call: call["id"])
    if len(burns) != len(calls) + 1:
        return None
    causes = [pair.sent["sent_ns"]] + [call["answered_ns"] for call in calls]
    turns = [(cause, burn.start_ns) for cause, burn in zip(causes, burns)]
    connections = [(burn.end_ns, call["arrived_ns"]) for burn, call in zip(burns, calls)]
    return turns, connections


def time_errors_ms(pairs):
    """(TURN, POOL, READY) of each request that has such windows."""
    errors = []
    for request, pair in pairs:
        windows = windows_of(pair)
        if not windows:
            continue
        turns, connections = windows
        burns = burns_of(pair.truth)
        computing = [(burn.start_ns, burn.end_ns) for burn in burns]
        answering = [(burns[-1].end_ns, float("inf"))]  # what comes behind the handler (a middleware) may wait for its turn, too
        states = request.stretches
        turn = (told_within(states, turns, ALL_STATES - OWN_TURN)
                + told_within(states, turns + connections + answering, {"loop", "queue"}, outside=True))
        pool = told_within(states, connections, ALL_STATES - POOL_WAIT) + told_within(states, connections, {"pool"}, outside=True)
        away = sum(burn.end_ns - burn.start_ns - burn.cpu_ns for burn in burns)
        ready = abs(told_within(states, computing, AWAY) - away)
        errors.append((turn / NS_PER_MS, pool / NS_PER_MS, ready / NS_PER_MS))
    return errors


# ---- one run


@dataclasses.dataclass
class Result:
    """All shares in %, errors in ms. `faults`: what must never be, a line each. `seconds`: by step of the run."""

    requests: int
    right: float
    wrong: float
    ambiguous: float
    unattributed: float
    right_or_flagged: float
    net_ms: float
    turn_ms: float
    pool_ms: float
    ready_ms: float
    conservation: float
    faults: list
    seconds: dict


def mean(values):
    return statistics.fmean(values) if values else 0.0


def conservation_error(processes, kernel):
    """In %: how far the tracer's total lies outside what the kernel charged from just inside to just outside the trace."""
    cpu_ns, (least, most) = sum(process.cpu_ns for process in processes), kernel
    return 100 * max(least - cpu_ns, cpu_ns - most, 0) / most


def faults_of(told, processes, losses, wanted, sent):
    """Requests are counted exactly, states and CPU close, nothing is lost. `wanted`: ids that must be told, `sent`: those that may be."""
    ids = collections.Counter(truth.id_of({"target": request.target}) for request in told)
    faults = []
    missing, twice = [each for each in wanted if not ids[each]], [each for each in ids if ids[each] > 1]
    strange = [each for each in ids if each not in sent]
    for name, found in (("not told", missing), ("told twice", twice), ("never sent", strange)):
        if found:
            faults.append(f"{len(found)} requests {name}")
    open_count = sum(not request.is_closed() for request in told)
    if open_count:
        faults.append(f"{open_count} requests whose states do not close")
    if any(process.cpu_ns != sum(process[2:]) for process in processes):
        faults.append("the parts of the CPU do not sum to it")
    return faults + [f"lost {count} {name}" for name, count in losses.items() if count]


def measure(told, processes, losses, pairs, rows_wanted, rows_sent, kernel, seconds):
    """pairs: (Told, truth.Pair) of the requests that count; seconds: as in Result. Raises if nothing was measured."""
    if not rows_wanted:
        raise RuntimeError("nothing is measured: no request was sent after the tracer was attached")
    shares = share_cpu(told, pairs)
    if not shares.burned:
        raise RuntimeError(f"nothing is measured: none of {len(rows_wanted)} requests was told, or none burned anything")
    errors = time_errors_ms(pairs)
    turn, pool, ready = zip(*errors) if errors else ([], [], [])
    return Result(
        requests=len(pairs),
        right=shares.percent("right"),
        wrong=shares.percent("wrong"),
        ambiguous=shares.percent("ambiguous"),
        unattributed=shares.percent("unattributed"),
        right_or_flagged=shares.percent("right") + shares.percent("flagged_right"),
        net_ms=mean(truth.net_errors_ms([pair for _, pair in pairs])),
        turn_ms=mean(turn),
        pool_ms=mean(pool),
        ready_ms=mean(ready),
        conservation=conservation_error(processes, kernel),
        faults=faults_of(told, processes, losses, {row["id"] for row in rows_wanted}, {row["id"] for row in rows_sent}),
        seconds=seconds,
    )
