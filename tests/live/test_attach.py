# SPDX-License-Identifier: BSD-2-Clause
"""Coming and going: into a running load and out of it, however the tracer ends; and what a recording says of the same window."""
import json
import pathlib
import signal
import subprocess
import time

import test_models as models
import truth
from lab import Lab, need

LATE_RIGHT_CPU_MIN = 0.98
SETTLED_NS = 100_000_000  # after the attach: what was in flight before is over by then
WORK = "/work?cpu=1000&calls=2&hold=3000&id=#"


def late(model):
    """Attached in the middle of a load, on connections that were open before."""
    def topic(tap):
        with Lab() as lab:
            downstream = lab.downstream()
            server = lab.sample(model, *downstream.arguments())
            load = lab.load(server, connections=5, requests=307, rate=73, path=WORK, linger=True)
            time.sleep(1)
            tracer = lab.trace("requests", "requests", "-p", server.pid, "-o", "ndjson", "--show-query").attached()
            attached_ns = time.monotonic_ns() + SETTLED_NS
            load.await_answers()
            tracer.end()
            load.finish()
            server.end()
            downstream.end()
            rows = [row for row in load.rows() if row["sent_ns"] > attached_ns]
            traced = tracer.json_lines()
            pairs = truth.join(traced, server.truth_path, rows, downstream.log_path)
            tap.at_least("requests after the attach", len(rows), 101)
            tap.equal("requests that were not told", sorted({row["id"] for row in rows} - {truth.id_of(each) for each in traced}), [])
            tap.equal("requests told twice", len(traced) - len({truth.id_of(each) for each in traced}), 0)
            tap.at_least("CPU credited to its true request", truth.right_share(pairs), LATE_RIGHT_CPU_MIN)
            tap.equal("requests with wrong calls", truth.wrong_calls(pairs, downstream.peer_by_kind), 0)
    return topic


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def under_load(tap):
    """Attach and detach again and again: nobody's request fails, or waits for it."""
    with Lab() as lab:
        downstream = lab.downstream()
        server = lab.sample("epoll_loop", *downstream.arguments())
        load = lab.load(server, connections=7, rate=211, duration=9, path=WORK)
        time.sleep(2)
        spans = []
        for i in range(2):
            began_ns = time.monotonic_ns()
            tracer = lab.trace(f"tracer-{i}", "-p", server.pid, "-o", "json", "-d", "0.7")
            tap.equal("exit code", tracer.wait(), 0)
            spans.append((began_ns, time.monotonic_ns()))
        tap.equal("the load's exit code", load.finish(), 0)
        traced_ms, free_ms = [], []
        for row in load.rows():
            inside = any(begin <= row["done_ns"] and row["sent_ns"] <= end for begin, end in spans)
            (traced_ms if inside else free_ms).append((row["done_ns"] - row["sent_ns"]) / truth.NS_PER_MS)
        tap.at_least("requests in traced time", len(traced_ms), 101)
        bound_ms = 2 * percentile(free_ms, 0.99) + 10
        tap.at_most("p99 in traced time, against twice that of untraced time and 10 ms", percentile(traced_ms, 0.99), bound_ms, " ms")
        tap.check("the attach time is told", "attached in" in tracer.err(), tracer.err().splitlines()[0])


# ---- nothing stays


def loaded_by(pid):
    """Ids of the programs that the process holds."""
    found = set()
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:  # it was closed meanwhile
            continue
        found |= {int(line.split()[1]) for line in lines if line.startswith("prog_id:")}
    return found


def loaded():
    programs = json.loads(subprocess.run(["bpftool", "-j", "prog", "show"], check=True, capture_output=True, timeout=30).stdout)
    return {program["id"] for program in programs}


def mounts():
    lines = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return sorted(line.split()[1] for line in lines if "tracefs" in line)


ENDS = {"-d": None, "SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}


def nothing_stays(tap):
    need("bpftool")
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        before = mounts()
        for name, number in ENDS.items():
            tracer = lab.trace(f"tracer-{name}", "-p", server.pid, *([] if number else ["-d", "1"])).attached()
            ours = loaded_by(tracer.pid)
            tap.check(f"{name}: programs while it runs", ours, str(len(ours)))
            code = tracer.end(number) if number else tracer.wait()
            tap.equal(f"{name}: exit code", code, -signal.SIGKILL if number == signal.SIGKILL else 0)
            end = time.monotonic() + 10  # the kernel frees behind a grace period
            while ours & loaded() and time.monotonic() < end:
                time.sleep(0.1)
            tap.equal(f"{name}: programs left", ours & loaded(), set())
        tap.equal("tracefs mounts of the host", mounts(), before)
        tap.equal("the server still runs", server.child.poll(), None)


# ---- a recording


def recording(tap):
    """What `report` says of a recording, beside what was told live of the same window."""
    with Lab() as lab:
        downstream = lab.downstream()
        server = lab.sample("epoll_loop", *downstream.arguments())
        path = lab.scratch / "run.rec"
        live = lab.trace("live", "-p", server.pid, "-o", "json").attached()
        recorder = lab.trace("recorder", "record", "-w", path, "-p", server.pid).attached()
        load = lab.load(server, requests=models.REQUESTS, connections=models.CONNECTIONS, mix=models.MIX, linger=True)
        load.await_answers()
        for tracer in (live, recorder):
            tap.equal(f"{tracer.name}: exit code", tracer.end(), 0)
        load.finish()
        report = lab.trace("report", "report", path, "-o", "json")
        tap.equal("report: exit code", report.wait(), 0)
        told, read = live.json(), report.json()
        ends = {each["endpoint"]: each for each in read["endpoints"]}
        tap.equal("the same endpoints", sorted(ends), sorted(each["endpoint"] for each in told["endpoints"]))
        for each in told["endpoints"]:
            other = ends[each["endpoint"]]
            tap.equal(f"{each['endpoint']}: requests", other["requests"], each["requests"])
            tap.equal(f"{each['endpoint']}: verdict", other["verdict"], each["verdict"])
            for state in ("cpu", "net", "loop"):
                told_ms, read_ms = (one["state_ns"][state]["mean"] / truth.NS_PER_MS for one in (each, other))
                tap.near(f"{each['endpoint']}: {state.upper()}", read_ms, told_ms, 0.02 + 0.01 * told_ms, " ms")
        for key in ("voluntary_switches", "involuntary_switches"):
            tap.equal(key, read["processes"][0][key], told["processes"][0][key])


TOPICS = {
    "late attach, thread_per_conn": late("thread_per_conn"),
    "late attach, epoll_loop": late("epoll_loop"),
    "attach under load": under_load,
    "nothing stays": nothing_stays,
    "recording": recording,
}
