# SPDX-License-Identifier: BSD-2-Clause
"""Work that goes on after the response, in servers that others wrote: against the burns that they log."""
import test_models as models
import test_real as real
import truth
from lab import Lab, Server, need
from test_hooks import need_uvloop
from traced_run import Run

PYTHON = "/usr/bin/python3"
LOAD = {"connections": 3, "mix": "1 /fire?id=#, 2 /json?id=#"}
REQUESTS, LEAD_REQUESTS = 121, 12  # a runtime compiles what answers its first ones
# Parsing and answering, the runtime's own work included: of a request, in milliseconds.
OVERHEAD_MAX_MS = 0.6
# A task may have turned to the next request before that was seen: if it has computed for 0.5 ms by the response, on a busy machine or when
# it does so for the first time, that is in doubt.
TASKS_AMBIGUOUS_MAX = 0.1
BURNED_MIN = 0.95  # what a thread does after its last response nobody is told of


def fired(tap, command, lead=None, ambiguous_max=0):
    """/fire answers, burns 5 ms and calls a downstream: all of it is work after a response, in nobody's wall, and none of it is lost."""
    with Lab() as lab:
        downstream = lab.downstream()
        server = lab.keep(Server(lab, "server", [*command, *downstream.arguments()]))
        run = Run(lab, server, downstream, LOAD | {"requests": REQUESTS}, lead=lead)
    burned_ms = sum(pair.truth["cpu_burned_ns"] for pair in run.pairs) / truth.NS_PER_MS
    after_ms = run.total("after_response_cpu_ns") / truth.NS_PER_MS
    within_ms = [pair.traced["cpu_time_ns"] / truth.NS_PER_MS for pair in run.pairs]
    models.check_counts(tap, run)
    models.check_conservation(tap, run)
    tap.at_least(f"CPU after responses, of {burned_ms:.1f} ms burned there", after_ms / burned_ms, BURNED_MIN)
    tap.at_most("CPU of requests, mean", sum(within_ms) / len(within_ms), OVERHEAD_MAX_MS, " ms")
    tap.at_most("… of the one with most of it", max(within_ms), 5 * OVERHEAD_MAX_MS, " ms")
    tap.equal("calls in requests", sum(len(pair.traced["calls"]) for pair in run.pairs), 0)
    tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
    tap.at_most("ambiguous requests", sum(each["ambiguous"] for each in run.traced) / len(run.traced), ambiguous_max)


def node(tap):
    need("node")
    fired(tap, ["node", real.REAL / "node_http.js"], LOAD | {"requests": LEAD_REQUESTS})


def go(tap):
    fired(tap, [real.build_go()])


def threads(tap):
    fired(tap, [PYTHON, real.REAL / "python_threads.py"])


def asyncio(tap):
    fired(tap, [PYTHON, real.REAL / "python_asyncio.py"], ambiguous_max=TASKS_AMBIGUOUS_MAX)


def uvloop(tap):
    need_uvloop()
    fired(tap, [PYTHON, real.REAL / "python_asyncio.py", "--uvloop"], ambiguous_max=TASKS_AMBIGUOUS_MAX)


TOPICS = {
    "after the response, Node": node,
    "after the response, Go": go,
    "after the response, Python's threads": threads,
    "after the response, asyncio": asyncio,
    "after the response, uvloop": uvloop,
}
