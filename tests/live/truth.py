# SPDX-License-Identifier: BSD-2-Clause
"""What the tracer said beside what server, downstream and load generator logged, request by request.

Measures (all compare with logged truth, none with a nominal delay):
  right     the share of the CPU that handlers burned which was credited to its true request: sum of min(credited, burned) / sum of burned
  wrong     credited beyond what the request's thread used for it (the handler's own CPU clock, where it is logged) and beyond
            HANDLER_BLIND_NS for what runs outside that bracket (reading the request, the thread's birth, epoll and accept), as a share of
            the burned CPU
  NET       mean absolute difference to the union of the holds that the downstream logged for this request's calls: of the calls as the
            tracer lists them (write to first byte of the answer), and of the state, which is less where the thread is READY meanwhile
"""
import collections
import statistics
from urllib.parse import parse_qs, urlsplit

from lab import read_csv

HANDLER_BLIND_NS = 150_000
CLOCK_SLACK_NS = 100_000  # realtime against monotonic, as two processes read them
NS_PER_MS = 1e6
PUT_RIGHT = ("hidden_switches", "folded_timelines")  # losses that are made up for: times, CPU, switches are right all the same

Pair = collections.namedtuple("Pair", "traced truth calls sent")  # sent: the load generator's row


def union_ns(intervals):
    total, until = 0, 0
    for start, end in sorted(intervals):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total


def id_of(traced):
    """The request's X-Id, which is in its query too; None where the target is not known or cut off."""
    found = parse_qs(urlsplit(traced["target"] or "").query).get("id")
    return int(found[0]) if found else None


def join(traced, truth_path, load_rows, calls_path=None):
    """Pairs by request id. Raises if one of the logs lacks a request that the load generator sent."""
    truth = {row["id"]: row for row in read_csv(truth_path)} if truth_path else {}
    calls = collections.defaultdict(list)
    for row in read_csv(calls_path) if calls_path else []:
        calls[row["id"] // 100].append(row)
    by_id = {id_of(each): each for each in traced}
    return [Pair(by_id[row["id"]], truth.get(row["id"]), calls[row["id"]], row) for row in load_rows if row["id"] in by_id]


# ---- CPU


def credited_ns(traced):
    return traced["cpu_time_ns"] + traced["after_response_cpu_ns"]


def right_share(pairs):
    burned = sum(pair.truth["cpu_burned_ns"] for pair in pairs)
    return sum(min(credited_ns(pair.traced), pair.truth["cpu_burned_ns"]) for pair in pairs) / burned


def wrong_share(pairs):
    burned = sum(pair.truth["cpu_burned_ns"] for pair in pairs)
    return sum(max(0, pair.traced["cpu_time_ns"] - pair.truth["handler_cpu_ns"] - HANDLER_BLIND_NS) for pair in pairs) / burned


# ---- NET and calls


def held_ns(pair):
    return union_ns((call["arrived_ns"], call["answered_ns"]) for call in pair.calls)


def called_ns(pair):
    """As the tracer lists the calls."""
    return union_ns((call["start_ns"], call["start_ns"] + call["net_ns"]) for call in pair.traced["calls"])


def call_errors_ms(pairs):
    return [abs(called_ns(pair) - held_ns(pair)) / NS_PER_MS for pair in pairs]


def net_errors_ms(pairs):
    """Of the state NET. A thread that is taken off its core, or still computes, while its call is in flight is READY or CPU by the order of
    the states: by so much NET may be less than the hold. (CPU: only where calls overlap, as it is then that a thread goes on asking.)"""
    errors = []
    for pair in pairs:
        states = pair.traced["state_ns"]
        overlap = held_ns(pair) < sum(call["answered_ns"] - call["arrived_ns"] for call in pair.calls)
        hidden_ns = states["ready"] + (states["cpu"] if overlap else 0)
        excess_ns = states["net"] - held_ns(pair)
        errors.append(max(excess_ns, -excess_ns - hidden_ns, 0) / NS_PER_MS)
    return errors


def net_excesses_ms(pairs):
    """Of the state NET beyond the true hold: silently wrong."""
    return [max(pair.traced["state_ns"]["net"] - held_ns(pair), 0) / NS_PER_MS for pair in pairs]


def unexplained_shortages_ms(pairs):
    """Of the true hold, what is neither NET nor said to be unknown (OTHER), nor hidden by the states that go before NET."""
    states = ("net", "other", "loop", "ready", "cpu")
    return [max(held_ns(pair) - sum(pair.traced["state_ns"][state] for state in states), 0) / NS_PER_MS for pair in pairs]


def wrong_calls(pairs, peer_by_kind):
    """Requests whose list of calls is not what the downstream got from them."""
    found = 0
    for pair in pairs:
        listed = collections.Counter(call["peer"] for call in pair.traced["calls"])
        found += listed != collections.Counter(peer_by_kind[call["kind"]] for call in pair.calls)
    return found


def foreign_calls(pairs, peer_by_kind):
    """Calls that a request lists and did not make."""
    found = 0
    for pair in pairs:
        listed = collections.Counter(call["peer"] for call in pair.traced["calls"])
        made = collections.Counter(peer_by_kind[call["kind"]] for call in pair.calls)
        found += (listed - made).total()
    return found


# ---- locks


def _held(pair):
    """(asked, got, released), of a request that asked for the lock."""
    return tuple(int(time) for time in pair.truth["lock"].split(":"))


def lock_waits_ns(pairs):
    """{waiter's id: {holder's id: ns}}, from when each asked for the lock, had it and gave it back. All pairs asked for the same one."""
    held = {pair.truth["id"]: _held(pair) for pair in pairs}
    waits = {}
    for waiter, (asked, got, _) in held.items():
        shared = {holder: min(got, released) - max(asked, since) for holder, (_, since, released) in held.items() if holder != waiter}
        waits[waiter] = {holder: ns for holder, ns in shared.items() if ns > 0}
    return waits


def told_lock_waits_ns(pairs):
    """The same as the tracer told it."""
    by_told_id = {pair.traced["id"]: pair.truth["id"] for pair in pairs}
    return {pair.truth["id"]: {by_told_id.get(lock["holder_id"]): lock["wait_ns"] for lock in pair.traced["locks"]} for pair in pairs}


# ---- time


def open_sums(traced):
    """Requests whose states do not sum to their wall exactly."""
    return sum(sum(each["state_ns"].values()) != each["wall_ns"] for each in traced)


def is_out_of_bounds(pair, offset_ns):
    """Does the tracer see it begin before it was sent or after the server had it, or end after the server had answered?"""
    start = pair.traced["start_unix_ns"] - offset_ns
    end = start + pair.traced["wall_ns"]
    return not (pair.sent["sent_ns"] - CLOCK_SLACK_NS <= start <= pair.truth["start_ns"] + CLOCK_SLACK_NS
                and end <= pair.truth["end_ns"] + CLOCK_SLACK_NS)


def mean_ms(pairs, state):
    return statistics.fmean(pair.traced["state_ns"][state] for pair in pairs) / NS_PER_MS


def endpoint_counts(load_rows):
    return collections.Counter(urlsplit(row["path"]).path for row in load_rows)


def cpu_parts_ns(process):
    parts = ("request_cpu_ns", "after_response_cpu_ns", "runtime_cpu_ns", "background_cpu_ns", "unattributed_cpu_ns")
    return sum(process[part] for part in parts)
