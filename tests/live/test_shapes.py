# SPDX-License-Identifier: BSD-2-Clause
"""How an answer leaves, and who computes for it: against what the servers log."""
import pathlib
import statistics

import test_models as models
import truth
from lab import Lab, Server
from traced_run import Run

SHAPES_TARGET = pathlib.Path(__file__).with_name("shapes_target.py")
PYTHON = "/usr/bin/python3"
REQUESTS = 103
OTHER_SHARE_MAX = 0.1
TIME_ERROR_MAX_MS = 0.5  # median: the log's clock is read by a thread that may have lost its core right after the write


def check_ends(tap, run):
    """The wall ends with the body's last byte, the time to first byte with the head."""
    begins = {pair.sent["id"]: pair.traced["start_unix_ns"] - run.offset_ns for pair in run.pairs}
    for name, told, logged in (("TTFB", "ttfb_ns", "head_ns"), ("wall", "wall_ns", "end_ns")):
        errors = [abs(begins[pair.sent["id"]] + pair.traced[told] - pair.truth[logged]) / truth.NS_PER_MS for pair in run.pairs]
        tap.at_most(f"end of {name}, median error", statistics.median(errors), TIME_ERROR_MAX_MS, " ms")
    burned_ns = min(pair.truth["cpu_burned_ns"] for pair in run.pairs)
    tap.at_least("from the first byte to the last, at least the least that was burned between",
                 min(pair.traced["wall_ns"] - pair.traced["ttfb_ns"] for pair in run.pairs) / burned_ns, 0.95)


def check_worker_processes(tap, run):
    """What both processes used for it, and no more; the rest of the wall has names: it waited for the worker, or for a core."""
    wrong_ns = sum(max(0, truth.credited_ns(pair.traced) - pair.truth["cpu_used_ns"] - truth.HANDLER_BLIND_NS) for pair in run.pairs)
    tap.at_most("CPU credited beyond what both processes used for it", wrong_ns / sum(pair.truth["cpu_burned_ns"] for pair in run.pairs),
                models.WRONG_CPU_MAX)
    wall_ns = sum(pair.traced["wall_ns"] for pair in run.pairs)
    tap.at_most("wall in no named state", sum(pair.traced["state_ns"]["other"] for pair in run.pairs) / wall_ns, OTHER_SHARE_MAX)


def shape(name, connections, *checks):
    def topic(tap):
        with Lab() as lab:
            server = lab.keep(Server(lab, name, [PYTHON, SHAPES_TARGET, name]))
            run = Run(lab, server, None, {"requests": REQUESTS, "connections": connections, "path": "/work?id=#"})
            tap.equal("requests with their ids", len(run.pairs), REQUESTS)
            for check in (models.check_counts, models.check_cpu, *checks):
                check(tap, run)
            tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
            tap.equal("ambiguous requests", sum(each["ambiguous"] for each in run.traced), 0)
    return topic


def nobody_answers(tap):
    """Several requests at once write to statsd, as to a connection that they share: but no answer comes of which it matters when."""
    with Lab() as lab:
        server = lab.keep(Server(lab, "statsd", [PYTHON, SHAPES_TARGET, "statsd"]))
        tracer = lab.trace("requests", "requests", "-p", server.pid, "-o", "ndjson").attached()
        lab.run_load(server, requests=REQUESTS, connections=5, path="/work?id=#")
        tap.check("what comes to the host's sockets is not hooked", not tracer.has_hook("sk_data_ready"))
        tap.equal("the tracer's exit code", tracer.end(), 0)
        tap.equal("requests told", len(tracer.json_lines()), REQUESTS)


TOPICS = {
    "an answer by sendfile": shape("sendfile", 1, check_ends),
    "an answer by splice": shape("splice", 1, check_ends),
    "datagrams that nobody answers": nobody_answers,
    "a connection handed on to a worker process": shape("heir", 5),
    "requests handed on to worker processes over socketpairs": shape("workers", 5, check_worker_processes),
    "requests of a loop handed on to one worker process": shape("one worker", 5, check_worker_processes),
    "requests handed on to a thread by a pipe": shape("pipe", 5),
    "requests handed on to a thread by an eventfd": shape("eventfd", 5),
}
