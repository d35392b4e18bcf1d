# SPDX-License-Identifier: BSD-2-Clause
"""One recorded run of a case, and what came of it: a Window of figures."""
import contextlib
import dataclasses
import json
import os
import subprocess
import time

import lab as labs
import measure
import scenario
import truth
from truth import NS_PER_MS

CASE_IDS = 1_000_000  # each case has so many
LOAD_TIMEOUT_S = 120
STATES = ("cpu", "net", "ready", "loop", "queue", "lock")


@dataclasses.dataclass
class Window:
    """Of one run; times in ms. rate, p50, p99: the load generator's; seen_…: the tracer's. right: % of the computing that was told as its
    request's; time_wrong: of NET and of waits for a turn what was told as another state, in % of the mean request; OTHER is not wrong.
    all_cpu: whatever the server used, by requests. away_cores: what load generator, downstream and recorder used; others_cores: what
    anybody else did. faults: what must never be."""

    rate: float
    p50: float
    p99: float
    seen_p50: float
    seen_p99: float
    wall: float
    all_cpu: float
    states: dict
    voluntary: float
    involuntary: float
    threads: float
    memory_mb: float
    io_cpu: float
    verdict: str
    right: float
    time_wrong: float
    away_cores: float
    others_cores: float
    faults: list


# ---- cores


class Cores:
    """The machine's: a server's own, and everybody else's, which are the rest, or all where the server has all."""

    def __init__(self):
        self.all = sorted(os.sched_getaffinity(0))

    @contextlib.contextmanager
    def apart(self, count):
        """Whatever is started within, but for the server with its cores, keeps off those if it can. Yields the server's."""
        os.sched_setaffinity(0, self.all[count:] or self.all)
        try:
            yield set(self.all[:count])
        finally:
            os.sched_setaffinity(0, self.all)


def prefer(process):
    """Before everything else on its core: what it measures is to be the server's time, not its own wait for a core."""
    os.sched_setscheduler(process.pid, os.SCHED_FIFO, os.sched_param(1))
    return process


def busy_ns():
    """Of all cores, by the kernel's ticks: everything but idle."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(cell) for cell in file.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) * labs.NS_PER_S // os.sysconf("SC_CLK_TCK")


def cpu_ns(processes):
    return labs.growth({}, labs.counters([process.pid for process in processes]))[0]


# ---- memory


def kernel_stack_bytes():
    """Of one thread: those of all threads of the machine, divided by them."""
    with open("/proc/meminfo", encoding="ascii") as file:
        all_kb = next(int(line.split()[1]) for line in file if line.startswith("KernelStack"))
    with open("/proc/loadavg", encoding="ascii") as file:
        threads = int(file.read().split()[3].split("/")[1])
    return all_kb * 1024 / threads


def memory_bytes(pids):
    """Resident memory (shared pages divided among those who share them), page tables and kernel stacks."""
    total, stack_bytes = 0, kernel_stack_bytes()
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += 1024 * next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        total += 1024 * int(status["VmPTE"].split()[0]) + int(status["Threads"]) * stack_bytes
    return total


# ---- one run of a case


def wrong_turn_ms(pairs):
    """Of a mean request: waits for its turn that are told as no state of a turn, and LOOP and QUEUE that are told elsewhere."""
    wrong_ns = 0
    for request, pair in pairs:
        turns, connections = measure.windows_of(pair) or ([], [])
        wrong_ns += measure.told_within(request.stretches, turns, measure.ALL_STATES - measure.OWN_TURN - {"other"})
        wrong_ns += measure.told_within(request.stretches, turns + connections, {"loop", "queue"}, outside=True)
    return wrong_ns / len(pairs) / NS_PER_MS


class Run:
    """A case's load, recorded; `helpers`: processes that are no server. What it tells is read when the server has written its log."""

    def __init__(self, lab, server, case, number, helpers):
        self.case = case
        self.recorder = scenario.Recorder(lab, server, "auto", f"run-{number}")
        helpers = [*helpers, self.recorder.process]
        helpers_ns, busy, begun_ns = cpu_ns(helpers), busy_ns(), time.monotonic_ns()
        load = prefer(lab.load(server, name=f"load-{number}", linger=True, first_id=number * CASE_IDS + 1, timeout=LOAD_TIMEOUT_S,
                               **case.load_options()))
        load.await_answers(LOAD_TIMEOUT_S)
        self.took_ns, self.busy_ns = time.monotonic_ns() - begun_ns, busy_ns() - busy
        self.away_ns = cpu_ns([*helpers, load]) - helpers_ns
        self.memory_bytes = memory_bytes(server.pids())
        self.recorder.end()
        if load.finish():
            raise RuntimeError(f"the load failed: {load.out()} {load.err()}")
        self.rows = load.rows()

    def rate(self):
        """Of all answers, from the first request to the last answer. A part of that would not do: servers that take all requests a step
        further in turn finish them all at once, and others let some starve until the load ends."""
        took_ns = max(row["done_ns"] for row in self.rows) - min(row["sent_ns"] for row in self.rows)
        return len(self.rows) * labs.NS_PER_S / took_ns

    def latency_ms(self, percent):
        latencies = sorted(row["done_ns"] - row["sent_ns"] for row in self.rows)
        return latencies[max(-(-len(latencies) * percent // 100), 1) - 1] / NS_PER_MS

    def report(self):
        """What `iocpu-trace -o json` says of the run."""
        command = [labs.BUILD / "iocpu-trace", "report", self.recorder.path, "-o", "json"]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)

    def accuracy(self, server, downstream):
        """(share of the computing that is told as its request's, in %; what of a mean request's time is told wrong, in ms; faults)"""
        requests, processes, losses = self.recorder.told()
        by_id = {truth.id_of({"target": request.target}): request for request in requests}
        joined = truth.join([request.traced() for request in requests], server.truth_path, self.rows, downstream.log_path)
        pairs = [(by_id[pair.sent["id"]], pair) for pair in joined]
        losses = {name: count for name, count in losses.items() if name not in truth.PUT_RIGHT}
        ids = {row["id"] for row in self.rows}
        wrong_ms = wrong_turn_ms(pairs) + measure.mean(truth.net_excesses_ms(joined)) + measure.mean(truth.unexplained_shortages_ms(joined))
        return measure.share_cpu(requests, pairs).percent("right"), wrong_ms, measure.faults_of(requests, processes, losses, ids, ids)

    def window(self, server, downstream):
        report, (right, wrong_ms, faults) = self.report(), self.accuracy(server, downstream)
        endpoint = max(report["endpoints"], key=lambda each: each["requests"])
        wall_ns = endpoint["wall_ns"]
        states = {name: endpoint["state_ns"][name]["mean"] / NS_PER_MS for name in STATES}
        server_cpu_ns = sum(process["cpu_ns"] for process in report["processes"])
        return Window(
            rate=self.rate(),
            p50=self.latency_ms(50),
            p99=self.latency_ms(99),
            seen_p50=wall_ns["p50"] / NS_PER_MS,
            seen_p99=wall_ns["p99"] / NS_PER_MS,
            wall=wall_ns["mean"] / NS_PER_MS,
            all_cpu=server_cpu_ns / len(self.rows) / NS_PER_MS,
            states=states,
            voluntary=endpoint["voluntary_switches_mean"],
            involuntary=endpoint["involuntary_switches_mean"],
            threads=sum(process["threads"] for process in report["processes"]),
            memory_mb=self.memory_bytes / 2**20,
            io_cpu=endpoint["io_cpu_ratio"] or 0.0,
            verdict=endpoint["verdict"],
            right=right,
            time_wrong=100 * wrong_ms * NS_PER_MS / wall_ns["mean"],
            away_cores=self.away_ns / self.took_ns,
            others_cores=max(self.busy_ns - self.away_ns - server_cpu_ns, 0) / self.took_ns,
            faults=faults,
        )
