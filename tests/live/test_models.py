# SPDX-License-Identifier: BSD-2-Clause
"""Each concurrency model under a mixed load, by two tracers at once: one tells requests, one the totals."""
import statistics

import truth
from lab import Lab
from traced_run import Run

REQUESTS, CONNECTIONS = 211, 7
MIX = "8 /work?cpu=2000&calls=2&hold=5000&id=#, 3 /json?id=#, 2 /cpu?id=#, 1 /typical?id=#, 1 /parallel?id=#"

RIGHT_CPU_MIN = 0.99
WRONG_CPU_MAX = 0.01
NET_ERROR_MAX_MS = 0.5
CPU_ERROR_MAX = 0.005


def check_counts(tap, run):
    expected = {f"GET {path}": count for path, count in truth.endpoint_counts(run.rows).items()}
    told, sent = sorted(truth.id_of(each) for each in run.traced), sorted(row["id"] for row in run.rows)
    tap.check("every request is told once", told == sent, f"{len(told)} of {len(sent)}, {len(set(told))} different ones")
    tap.equal("endpoints count right", {each["endpoint"]: each["requests"] for each in run.totals["endpoints"]}, expected)
    tap.equal("no request failed", sum(each["errors"] for each in run.totals["endpoints"]), 0)
    losses = run.totals["tool"]["lost"]
    tap.equal("nothing is lost", {name: count for name, count in losses.items() if count and name not in truth.PUT_RIGHT}, {})


def check_calls(tap, run):
    tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
    tap.at_most("calls in flight, mean error", statistics.fmean(truth.call_errors_ms(run.pairs)), NET_ERROR_MAX_MS, " ms")
    tap.at_most("NET, mean error", statistics.fmean(truth.net_errors_ms(run.pairs)), NET_ERROR_MAX_MS, " ms")
    tap.equal("requests with wrong calls", truth.wrong_calls(run.pairs, run.downstream.peer_by_kind), 0)


def check_conservation(tap, run):
    cpu_ns = run.total("cpu_ns")
    tap.check("CPU of all threads against schedstat", run.inner[0] * (1 - CPU_ERROR_MAX) <= cpu_ns <= run.outer[0] * (1 + CPU_ERROR_MAX),
              f"{cpu_ns}, kernel {run.inner[0]} to {run.outer[0]}")
    tap.equal("CPU that the five parts lack", [each["cpu_ns"] - truth.cpu_parts_ns(each) for each in run.totals["processes"]],
              [0] * len(run.totals["processes"]))


def check_cpu(tap, run):
    tap.at_least("CPU credited to its true request", truth.right_share(run.pairs), RIGHT_CPU_MIN)
    check_conservation(tap, run)


def check_handlers(tap, run):
    strays = [pair.truth["id"] for pair in run.pairs if truth.is_out_of_bounds(pair, run.offset_ns)]
    tap.equal("requests that begin or end when they did not", strays, [])
    tap.at_most("CPU credited beyond the handler's", truth.wrong_share(run.pairs), WRONG_CPU_MAX)


def check_switches(tap, run):
    for i, key in ((1, "voluntary_switches"), (2, "involuntary_switches")):
        told = run.total(key)
        tap.check(key.replace("_", " "), run.inner[i] <= told <= run.outer[i], f"{told}, kernel {run.inner[i]} to {run.outer[i]}")


def model(name, *arguments):
    def topic(tap):
        with Lab() as lab:
            downstream = lab.downstream()
            server = lab.sample(name, *downstream.arguments(), *arguments)
            run = Run(lab, server, downstream, {"requests": REQUESTS, "connections": CONNECTIONS, "mix": MIX})
            for check in (check_counts, check_calls, check_cpu, check_handlers, check_switches):
                check(tap, run)
    return topic


TOPICS = {
    "thread_per_conn": model("thread_per_conn"),
    "worker_pool": model("worker_pool", "--threads", CONNECTIONS),
    "worker_pool handing over requests": model("worker_pool:request", "--threads", 3),
    "prefork": model("prefork", "--threads", CONNECTIONS),
    "epoll_loop": model("epoll_loop"),
    "reuseport_loops": model("reuseport_loops", "--threads", 3),
    "reuseport_loops as threads": model("reuseport_loops", "--threads", 3, "--as-threads"),
}
