# SPDX-License-Identifier: BSD-2-Clause
"""One endpoint at a time: does the state that it is made to spend its time in get that time, by what the handler measured itself?"""
import collections
import os
import statistics

import truth
from lab import Lab, growth, quiet_counters
from traced_run import Run

NET_SHARE_MAX = 0.01
CPU_SHARE_MAX = 0.05
STATE_ERROR_MAX_MS = 0.5
STAMP_ERROR_MAX_MS = 2.0
NS_PER_MS = truth.NS_PER_MS


def mean_ms(values_ns):
    return statistics.fmean(values_ns) / NS_PER_MS


def run_alone(model, *loads, arguments=(), cores=None):
    with Lab() as lab:
        downstream = lab.downstream()
        server = lab.sample(model, *downstream.arguments(), *arguments, cores=cores)
        return Run(lab, server, downstream, *loads)


# ---- NET and CPU


def check_cpu(tap, pairs):
    """Against the handler's own clock, which the burn and what surrounds it both move: within 5% of the burn, and not below it."""
    burned_ms = mean_ms(pair.truth["cpu_burned_ns"] for pair in pairs)
    measured_ms = mean_ms(pair.truth["handler_cpu_ns"] for pair in pairs)
    tap.near("CPU", mean_ms(pair.traced["cpu_time_ns"] for pair in pairs), measured_ms, CPU_SHARE_MAX * burned_ms, " ms")
    tap.at_least("CPU, at least what was burned", mean_ms(pair.traced["cpu_time_ns"] for pair in pairs), burned_ms, " ms")


def check_peers(tap, run, endpoint):
    """Each peer its own sum, which the calls' overlap does not change."""
    pairs = run.pairs_of(endpoint)
    for kind, peer in run.downstream.peer_by_kind.items():
        calls = [call for pair in pairs for call in pair.calls if call["kind"] == kind]
        told = next((each for each in run.endpoint(endpoint)["peers"] if each["peer"] == peer), None)
        if not tap.check(f"{kind} is named", told):
            continue
        tap.equal(f"calls to {kind}", told["calls_mean"], len(calls) / len(pairs))
        held_ms = sum(call["answered_ns"] - call["arrived_ns"] for call in calls) / len(pairs) / NS_PER_MS
        tap.near(f"NET of {kind}", told["net_mean_ns"] / NS_PER_MS, held_ms, NET_SHARE_MAX * held_ms, " ms")


def typical(model):
    def topic(tap):
        run = run_alone(model, {"requests": 5, "path": "/typical?id=#"})
        held_ms = mean_ms(truth.held_ns(pair) for pair in run.pairs)
        tap.near("NET", truth.mean_ms(run.pairs, "net"), held_ms, NET_SHARE_MAX * held_ms, " ms")
        check_cpu(tap, run.pairs)
        check_peers(tap, run, "GET /typical")
        tap.equal("calls listed", {len(pair.traced["calls"]) for pair in run.pairs}, {5})
        tap.equal("verdict", run.endpoint("GET /typical")["verdict"], "io-bound")
        # The rest is the burn and, on a busy machine, waiting for a core.
        wall_ms = mean_ms(pair.traced["wall_ns"] for pair in run.pairs)
        tap.near("share of I/O", run.endpoint("GET /typical")["io_share"], held_ms / wall_ms, NET_SHARE_MAX)
    return topic


def parallel(model):
    def topic(tap):
        run = run_alone(model, {"requests": 5, "path": "/parallel?id=#"})
        held_ms = mean_ms(truth.held_ns(pair) for pair in run.pairs)
        tap.at_most("NET against the union of the holds", statistics.fmean(truth.net_errors_ms(run.pairs)), NET_SHARE_MAX * held_ms, " ms")
        tap.at_most("calls against the union of the holds", statistics.fmean(truth.call_errors_ms(run.pairs)), NET_SHARE_MAX * held_ms,
                    " ms")
        check_cpu(tap, run.pairs)
        check_peers(tap, run, "GET /parallel")
        tap.equal("verdict", run.endpoint("GET /parallel")["verdict"], "io-bound")
    return topic


def cpu(tap):
    run = run_alone("thread_per_conn", {"requests": 5, "path": "/cpu?id=#"})
    check_cpu(tap, run.pairs)
    states = {state: truth.mean_ms(run.pairs, state) for state in run.traced[0]["state_ns"]}
    # Beside a busy neighbour the same work is short of cores, and the verdict rightly says so.
    expected = "core-bound" if states["ready"] > states["cpu"] else "cpu-bound"
    tap.equal("verdict", run.endpoint("GET /cpu")["verdict"], expected)


# ---- one state each


def left_over_ns(pair):
    """Of the handler's time, what was not its CPU."""
    return pair.truth["end_ns"] - pair.truth["start_ns"] - pair.truth["handler_cpu_ns"]


def missed_ns(pair, offset_ns, *states):
    """What these states and those that may come before any (a core, the loop, a queue), and the calls, differ from the handler's left-over
    time by. The handler's clock began later than the request, and ended later: it may have been off the core behind its last write."""
    start_ns = pair.traced["start_unix_ns"] - offset_ns
    before_ns = pair.truth["start_ns"] - start_ns
    after_ns = pair.truth["end_ns"] - (start_ns + pair.traced["wall_ns"])
    waited_ns = sum(pair.traced["state_ns"][state] for state in {"net", "ready", "loop", "queue", *states})
    return abs(waited_ns - before_ns + after_ns - left_over_ns(pair))


def story(model, path, state, requests, connections=1, arguments=(), verdict=None, also=(), **load):
    """What the handler's CPU leaves over of its time is in `state`, but for its calls, waits for a core or the loop, and `also`."""
    names = ", ".join([state, *also]).upper()

    def topic(tap):
        run = run_alone(model, {"requests": requests, "connections": connections, "path": f"{path}id=#", **load}, arguments=arguments)
        error_ms = mean_ms(missed_ns(pair, run.offset_ns, state, *also) for pair in run.pairs)
        in_state_ms = truth.mean_ms(run.pairs, state)
        # Less what the kernel says that the threads waited for a core, which on a busy machine may be more than all else.
        core_wait_ms = run.inner[3] / len(run.pairs) / NS_PER_MS
        left_over_ms = mean_ms(left_over_ns(pair) - truth.held_ns(pair) for pair in run.pairs) - core_wait_ms
        tap.equal("requests told", len(run.pairs), requests)
        tap.at_most(f"{names} and waits before it against the handler's time, mean error", error_ms, STATE_ERROR_MAX_MS, " ms")
        tap.at_most("NET, mean error", statistics.fmean(truth.net_errors_ms(run.pairs)), STATE_ERROR_MAX_MS, " ms")
        tap.at_least(f"{state.upper()} of the {left_over_ms:.2f} ms left over", in_state_ms / left_over_ms, 0.5)
        tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
        if verdict:
            tap.equal("verdict", run.endpoint(f"GET {path.rstrip('?&').partition('?')[0]}")["verdict"], verdict)
    return topic


def fire(model):
    """Work after the response: nobody's wall. A thread's is told with its request, as the next one begins only then (of the last one it is
    not known yet); a loop goes on with it while the next one waits."""
    def topic(tap):
        run = run_alone(model, {"requests": 7, "path": "/fire?id=#"})
        burned_ms = [pair.truth["cpu_burned_ns"] / NS_PER_MS for pair in run.pairs]
        told_ms = [pair.traced["after_response_cpu_ns"] / NS_PER_MS for pair in run.pairs]
        sums_ms = {"of the process": (run.total("after_response_cpu_ns") / NS_PER_MS, burned_ms)}
        if model == "thread_per_conn":
            sums_ms["of all requests but the last"] = (sum(told_ms[:-1]), burned_ms[:-1])
        for name, (after_ms, burns_ms) in sums_ms.items():
            most_ms = sum(burns_ms) * (1 + CPU_SHARE_MAX) + len(burns_ms) * truth.HANDLER_BLIND_NS / NS_PER_MS
            tap.check(f"CPU after the response, {name}", sum(burns_ms) <= after_ms <= most_ms,
                      f"{after_ms:.3f} ms, burned {sum(burns_ms):.3f}")
        strays = [pair.truth["id"] for pair in run.pairs if truth.is_out_of_bounds(pair, run.offset_ns)]
        tap.equal("requests that begin or end when they did not", strays, [])
        tap.equal("calls of requests", sum(len(pair.traced["calls"]) for pair in run.pairs), 0)
    return topic


# ---- who waits for whom


def block(tap):
    """One client holds the loop; others, on connections that stay open, find it busy."""
    run = run_alone("epoll_loop", {"requests": 11, "path": "/block?id=#"},
                    {"requests": 47, "connections": 5, "rate": 37, "first_id": 1001, "path": "/json?id=#"})
    victims = run.pairs_of("GET /json")
    waits_ms = [(pair.truth["start_ns"] - pair.sent["sent_ns"]) / NS_PER_MS for pair in victims]
    long_waits = sum(wait_ms > 40 for wait_ms in waits_ms)
    worst_ms = 0
    for pair, wait_ms in zip(victims, waits_ms):
        states = pair.traced["state_ns"]
        beyond_ms = max(states["loop"] / NS_PER_MS - wait_ms, wait_ms - (states["loop"] + states["ready"]) / NS_PER_MS)
        worst_ms = max(worst_ms, beyond_ms)
    tap.at_least("victims that waited over 40 ms", long_waits, 7)
    tap.at_most("LOOP against the time since they were sent, worst victim", worst_ms, STAMP_ERROR_MAX_MS, " ms")
    culprits = run.endpoint("GET /json")["culprits"]
    tap.equal("culprit", culprits[0]["endpoint"] if culprits else None, "GET /block")
    tap.at_least("requests that it delayed", culprits[0]["delayed_requests"] if culprits else 0, long_waits)
    tap.equal("verdict of the victims", run.endpoint("GET /json")["verdict"], "loop-bound")


def one_core(model, state):
    """A's answers are there while others compute on the only core."""
    def topic(tap):
        run = run_alone(model, {"requests": 13, "path": "/work?cpu=1000&calls=1&hold=40000&id=#"},
                        {"requests": 37, "connections": 5, "first_id": 1001, "path": "/block?id=#"}, cores={0})
        pairs = run.pairs_of("GET /work")
        error_ms = mean_ms(missed_ns(pair, run.offset_ns) for pair in pairs)
        tap.at_least("A waits for the core", mean_ms(left_over_ns(pair) - truth.held_ns(pair) for pair in pairs), 1, " ms")
        tap.at_most("waits against the handler's time, mean error", error_ms, STATE_ERROR_MAX_MS, " ms")
        tap.at_most("NET, mean error", statistics.fmean(truth.net_errors_ms(pairs)), STATE_ERROR_MAX_MS, " ms")
        other = {"ready": "loop", "loop": "ready"}[state]
        found_ms, other_ms = truth.mean_ms(pairs, state), truth.mean_ms(pairs, other)
        tap.check(f"it is {state.upper()}", found_ms > 2 * other_ms, f"{found_ms:.3f} ms, {other.upper()} {other_ms:.3f}")
    return topic


# ---- which cores


CORE_USE_SHARE_MAX = 0.01


def core_use(tap):
    """On one core, then on another, each time all that the kernel charged."""
    charged_ms = []
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        tracer = lab.trace("totals", "-p", server.pid, "-o", "json").attached()
        for core, requests in enumerate((3, 5)):
            os.sched_setaffinity(server.pid, {core})
            before = quiet_counters([server.pid])
            lab.run_load(server, name=f"core-{core}", requests=requests, path="/cpu?id=#", first_id=100 * core + 1)
            charged_ms.append(growth(before, quiet_counters([server.pid]))[0] / NS_PER_MS)
        tracer.end()
        totals = tracer.json()
    duration_ms = totals["window"]["duration_ns"] / NS_PER_MS
    told_ms = {use["core"]: use["share"] * duration_ms for use in totals["core_use"]}
    tap.equal("cores", sorted(told_ms), [0, 1])
    for core, ms in enumerate(charged_ms):
        tap.near(f"core {core}", told_ms[core], ms, CORE_USE_SHARE_MAX * ms, " ms")


# ---- locks


FUTEX_HOOK = "sys_exit_futex"
LOCK_ERROR_MAX_MS = 0.5


def wrong_locks_ms(told, true):
    """Time that a holder is blamed for beyond what it held the lock while the waiter waited, and time that nobody is blamed for."""
    too_much = sum(max(0, ns - true[waiter].get(holder, 0)) for waiter, locks in told.items() for holder, ns in locks.items())
    too_little = sum(max(0, ns - told[waiter].get(holder, 0)) for waiter, locks in true.items() for holder, ns in locks.items())
    return too_much / NS_PER_MS, too_little / NS_PER_MS


def sums_by_endpoint_ms(waits, endpoint_by_id):
    sums = collections.Counter()
    for waiter, locks in waits.items():
        for holder, ns in locks.items():
            sums[endpoint_by_id[waiter], endpoint_by_id[holder]] += ns / NS_PER_MS
    return sums


def lock_holders(model, hold="", lock="", arguments=()):
    """Two endpoints share a lock: who waited for whom, and how long, against what the handlers logged. The hook comes only once somebody
    has waited, so some requests go before."""
    def topic(tap):
        with Lab() as lab:
            downstream = lab.downstream()
            server = lab.sample(model, *downstream.arguments(), *arguments)
            run = Run(lab, server, downstream, {"requests": 19, "connections": 1, "first_id": 2001, "path": f"/hold?{hold}id=#"},
                      {"requests": 41, "connections": 2, "first_id": 3001, "path": f"/lock?{lock}id=#"},
                      lead={"requests": 7, "connections": 3, "path": f"/lock?{lock}id=#"}, late_hook=FUTEX_HOOK)
        true, told = truth.lock_waits_ns(run.pairs), truth.told_lock_waits_ns(run.pairs)
        waited_ms = sum(sum(locks.values()) for locks in true.values()) / NS_PER_MS
        too_much_ms, too_little_ms = wrong_locks_ms(told, true)
        # A thread may lose its core between looking at the clock and releasing the lock.
        error_max_ms = LOCK_ERROR_MAX_MS + run.inner[3] / len(run.rows) / NS_PER_MS
        tap.at_least("waits that another request caused", waited_ms / len(run.pairs), 20, " ms a request")
        tap.at_most("blamed beyond the truth, a request", too_much_ms / len(run.pairs), error_max_ms, " ms")
        tap.at_most("of the truth not blamed, a request", too_little_ms / len(run.pairs), error_max_ms, " ms")
        tap.equal("requests with more blame than LOCK", sum(sum(told[pair.truth["id"]].values()) > pair.traced["state_ns"]["lock"]
                                                            for pair in run.pairs), 0)
        true_sums = sums_by_endpoint_ms(true, {pair.truth["id"]: pair.traced["endpoint"] for pair in run.pairs})
        lead_ms = sum(pair.sent["done_ns"] - pair.sent["sent_ns"] for pair in truth.join(run.traced, None, run.lead_rows)) / NS_PER_MS
        for name in ("GET /hold", "GET /lock"):
            for told_lock in run.endpoint(name)["locks"]:
                slack_ms = error_max_ms * len(run.pairs) + lead_ms
                told_ms = told_lock["lock_ns"] / NS_PER_MS
                tap.near(f"{name} waited for {told_lock['holder']}", told_ms, true_sums[name, told_lock["holder"]], slack_ms, " ms")
        tap.equal("the first holder that /lock waits for", run.endpoint("GET /lock")["locks"][0]["holder"], "GET /hold")
        tap.check("the verdict names it", "GET /hold" in run.endpoint("GET /lock")["verdict_text"])
    return topic


TOPICS = {
    "typical, thread_per_conn": typical("thread_per_conn"),
    "typical, epoll_loop": typical("epoll_loop"),
    "parallel, thread_per_conn": parallel("thread_per_conn"),
    "parallel, epoll_loop": parallel("epoll_loop"),
    "cpu": cpu,
    "pool, threads": story("thread_per_conn", "/pool?", "pool", 29, connections=7, verdict="pool-bound"),
    "pool, loop": story("epoll_loop", "/pool?", "pool", 29, connections=7, verdict="pool-bound"),
    "lock": story("thread_per_conn", "/lock?cpu=10000&", "lock", 31, connections=5, verdict="lock-bound"),
    "lock holders, asleep": lock_holders("thread_per_conn"),
    "lock holders, computing": lock_holders("thread_per_conn", "cpu=30000&", "cpu=10000&"),
    "lock holders, workers": lock_holders("worker_pool", arguments=("--threads", 8)),
    "lock holders, processes": lock_holders("prefork", arguments=("--threads", 8)),
    "queue": story("worker_pool:request", "/sleep?", "queue", 17, connections=5, arguments=("--threads", 1), verdict="queue-bound",
                   also=("sleep",)),
    "disk": story("thread_per_conn", "/disk?", "disk", 11),
    "log, threads": story("thread_per_conn", "/log?", "log", 11),
    "log, loop": story("epoll_loop", "/log?", "log", 11),
    "slow-client, threads": story("thread_per_conn", "/slow-client?", "client", 2, verdict="client-bound", slow_read=16 << 20),
    "slow-client, loop": story("epoll_loop", "/slow-client?", "client", 2, verdict="client-bound", slow_read=16 << 20),
    "sleep, threads": story("thread_per_conn", "/sleep?", "sleep", 7),
    "sleep, loop": story("epoll_loop", "/sleep?", "sleep", 7),
    "fire, threads": fire("thread_per_conn"),
    "fire, loop": fire("epoll_loop"),
    "block": block,
    "core use": core_use,
    "one core, threads": one_core("thread_per_conn", "ready"),
    "one core, loop": one_core("epoll_loop", "loop"),
}
