# SPDX-License-Identifier: BSD-2-Clause
"""One run: a server under a load, recorded, and what came of it as a measure.Result."""
import dataclasses
import signal
import subprocess
import time

import lab as labs
import measure
import told
import truth
from lab import counters, growth

# Mean: 1.1 ms of CPU in 2.4 parts, 1.4 calls; which request does what follows from its number, and no two neighbours do the same.
MIX = (
    "4 /work?cpu=900&calls=1&hold=5000{more}&id=#, 3 /work?cpu=1500&calls=2&hold=2500{more}&id=#, "
    "2 /work?cpu=400&calls=0{more}&id=#, 2 /work?cpu=1700&calls=3&hold=9000{more}&id=#, 1 /work?cpu=600&calls=1&hold=12000{more}&id=#"
)
WARM_FIRST_ID, WARM_REQUESTS = 9_000_001, 300  # before the trace: compilers, caches, pools
LATE_SECONDS = 0.7  # the tracer comes so long after the load, which runs twice so long again
LOAD_TIMEOUT_S = 300
REST_SECONDS, REST_LOOK_SECONDS, REST_CPU_NS = 20, 0.15, 2_000_000


@dataclasses.dataclass(frozen=True)
class Load:
    """rate: requests a second; 0: every connection asks again as soon as it was answered."""

    name: str
    connections: int
    rate: int
    late: bool = False


LOADS = [
    Load("32 saturated", 32, 0),
    Load("32 moderate", 32, 350),
    Load("128 saturated", 128, 0),
    Load("32 attached in the middle", 32, 0, late=True),
]


class Steps:
    """How long each step of a run takes: what is not `load` is not measuring."""

    def __init__(self):
        self.seconds = {}
        self.at = time.monotonic()

    def end(self, step):
        """The step took from the end of the last one until now."""
        now = time.monotonic()
        self.seconds[step] = round(self.seconds.get(step, 0) + now - self.at, 3)
        self.at = now


class Recorder:
    """`record` on a server; what it `told` once it has ended."""

    def __init__(self, lab, server, hooks, name="run"):
        self.path = lab.scratch / f"{name}.rec"
        self.process = lab.trace(f"recorder of {name}", "record", "--payload", "--hooks", hooks, "-w", self.path, "-p", server.pid)
        self.process.attached()
        self.attached_ns = time.monotonic_ns()

    def end(self):
        if self.process.end():
            raise RuntimeError(f"recorder: {self.process.err()}")

    def told(self):
        done = subprocess.run([labs.BUILD / "rec_to_requests", self.path], stdout=subprocess.PIPE, check=True, text=True)
        return told.parse(done.stdout)


def counters_at_rest(server):
    """The counters once its processes hardly run any more, and all that it forks are there: of a runtime's own timers nobody waits for the
    end."""
    end = time.monotonic() + REST_SECONDS
    last = counters(server.pids())
    while time.monotonic() < end:
        time.sleep(REST_LOOK_SECONDS)
        now = counters(server.pids())
        if growth(last, now)[0] < REST_CPU_NS:
            return now
        last = now
    raise RuntimeError("the server does not come to rest")


def run_load(lab, server, load, requests, mix, hooks, steps):
    """Records the load from its beginning or its middle. (recorder, what it told, rows, what the kernel charged at least and at most)"""
    options = {"connections": load.connections, "mix": mix, "rate": load.rate or False, "timeout": LOAD_TIMEOUT_S}
    options |= {"duration": LOAD_TIMEOUT_S} if load.late else {"requests": requests}
    if load.late:
        process = lab.load(server, linger=True, **options)
        time.sleep(LATE_SECONDS)
        steps.end("load")
        outside = counters(server.pids())
        recorder = Recorder(lab, server, hooks)
        inside = counters(server.pids())
        steps.end("attach")
        time.sleep(2 * LATE_SECONDS)
        process.child.send_signal(signal.SIGUSR1)  # no new requests
    else:
        outside = counters_at_rest(server)
        steps.end("rest")
        recorder = Recorder(lab, server, hooks)
        steps.end("attach")
        inside = counters_at_rest(server)
        steps.end("rest")
        process = lab.load(server, linger=True, **options)
    process.await_answers(LOAD_TIMEOUT_S)
    steps.end("load")
    inner = growth(inside, counters_at_rest(server))[0]
    steps.end("rest")
    recorder.end()
    steps.end("detach")
    heard = recorder.told()
    steps.end("tell")
    outer = growth(outside, counters(server.pids()))[0]
    if process.finish():
        raise RuntimeError(f"the load failed: {process.out()} {process.err()}")
    return recorder, heard, process.rows(), (inner, outer)


def run(make_server, load, requests, more="", hooks="auto"):
    """make_server(lab, downstream): a labs.Server; more: of each request's query; hooks: as --hooks takes it. Requests that were under way
    when the tracer came are not counted."""
    mix, steps = MIX.format(more=more), Steps()
    with labs.Lab() as lab:
        downstream = lab.downstream()
        server = make_server(lab, downstream)
        steps.end("start")
        lab.run_load(server, name="warm", requests=WARM_REQUESTS, connections=load.connections, mix=mix, first_id=WARM_FIRST_ID)
        steps.end("warm")
        recorder, (requests_told, processes, losses), rows, kernel = run_load(lab, server, load, requests, mix, hooks, steps)
        for process in (server, downstream):
            process.end()  # which makes them write their logs
        steps.end("end")
        wanted = [row for row in rows if row["sent_ns"] > recorder.attached_ns]
        by_id = {truth.id_of({"target": request.target}): request for request in requests_told}
        joined = truth.join([request.traced() for request in requests_told], server.truth_path, wanted, downstream.log_path)
        pairs = [(by_id[pair.sent["id"]], pair) for pair in joined]
        losses = {name: count for name, count in losses.items() if name not in truth.PUT_RIGHT}
        return measure.measure(requests_told, processes, losses, pairs, wanted, rows, kernel, steps.seconds)
