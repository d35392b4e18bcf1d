# SPDX-License-Identifier: BSD-2-Clause
"""Starts and ends what a test is made of: mock downstream, servers, load, tracers. Everything listens on the loopback, on free ports.

A Lab ends whatever it started, by pid, when its `with` block is left; should this process be killed, the kernel tells its children.
"""
import contextlib
import csv
import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

from tap import Skip

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"  # the runner sets it
START_SECONDS = 30
END_SECONDS = 30
NS_PER_S = 1_000_000_000

_prctl = ctypes.CDLL(None).prctl
PR_SET_PDEATHSIG = 1


def unix_offset_ns():
    """CLOCK_REALTIME less CLOCK_MONOTONIC: the tracer prints the one, the servers log the other."""
    pairs = [(time.monotonic_ns(), time.time_ns(), time.monotonic_ns()) for _ in range(5)]
    before, real, after = min(pairs, key=lambda pair: pair[2] - pair[0])
    return real - (before + after) // 2


def read_csv(path):
    with open(path, encoding="utf-8") as file:
        return [{key: int(value) if value.lstrip("-").isdigit() else value for key, value in row.items()} for row in csv.DictReader(file)]


def has_tracepoint(name):
    """Does this kernel have it, by its type information?"""
    btf = pathlib.Path("/sys/kernel/btf/vmlinux")
    return btf.exists() and f"btf_trace_{name}\0".encode("ascii") in btf.read_bytes()


class Process:
    """A child whose standard output and error go into files."""

    def __init__(self, lab, name, command, cores=None, real_time=False, stdin=subprocess.DEVNULL, stdout=None, env=None):
        self.name = name
        self.out_path, self.err_path = lab.scratch / f"{name}.out", lab.scratch / f"{name}.err"

        def prepare():
            _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if cores:
                os.sched_setaffinity(0, cores)
            if real_time:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen([str(part) for part in command], stdin=stdin, stdout=stdout or out, stderr=err,
                                          preexec_fn=prepare, env=env, cwd=lab.scratch)
        self.pid = self.child.pid

    def out(self):
        return self.out_path.read_text(encoding="utf-8", errors="replace")

    def err(self):
        return self.err_path.read_text(encoding="utf-8", errors="replace")

    def await_text(self, path, text, seconds=START_SECONDS):
        """The first line of the file that holds the text, once it is whole."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.strip()
            if self.child.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.child.returncode}: {self.err().strip()[-300:]}")
            time.sleep(0.005)
        raise RuntimeError(f"{self.name}: no '{text}' in {seconds} s: {self.err().strip()[-300:]}")

    def ready(self):
        """The pairs of its line "READY port=8080 pid=4121"."""
        return dict(pair.split("=", 1) for pair in self.await_text(self.out_path, "READY").split()[1:])

    def wait(self, seconds=END_SECONDS):
        return self.child.wait(seconds)

    def end(self, number=signal.SIGTERM, seconds=END_SECONDS):
        """Its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(number)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise RuntimeError(f"{self.name} did not end on signal {number} in {seconds} s") from None
        return self.child.returncode


class Downstream(Process):
    """The mock database, cache and mail gateway, on TCP or UDP ports of their own or all on a Unix socket."""

    def __init__(self, lab, unix=False, udp=False):
        self.udp = udp
        self.log_path = lab.scratch / "calls.csv"
        kinds = [] if unix else ["--kind", "db=0", "--kind", "cache=0", "--kind", "mail=0"]
        self.unix_path = lab.scratch / "downstream.sock" if unix else None
        if unix:
            kinds = ["--unix", self.unix_path]
        elif udp:
            kinds.append("--udp")
        super().__init__(lab, "downstream", [BUILD / "servers/downstream", *kinds, "--log", self.log_path])
        ready = self.ready()
        del ready["pid"]
        self.port_by_kind = {} if unix else ready
        suffix = "/udp" if udp else ""
        self.peer_by_kind = {kind: f"unix:{self.unix_path}" if unix else f"127.0.0.1:{where}{suffix}" for kind, where in ready.items()}

    def arguments(self):
        if self.unix_path:
            return ["--downstream-unix", self.unix_path]
        ports = ",".join(f"{kind}={port}" for kind, port in self.port_by_kind.items())
        return ["--downstream", ports, *(["--downstream-udp"] if self.udp else [])]


class Server(Process):
    def __init__(self, lab, name, command, **how):
        self.truth_path = lab.scratch / f"{name}.truth.csv"
        if how.pop("truth", True):
            command = [*command, "--truth", self.truth_path]
        super().__init__(lab, name, command, **how)
        ready = self.ready()
        self.port, self.pid = int(ready["port"]), int(ready["pid"])
        self.unix_path = None
        self.ipv6 = "--ipv6" in command

    def pids(self):
        """The process and its children, to any depth."""
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
                    todo += [int(child) for child in path.read_text(encoding="ascii").split()]
        return found


class Load(Process):
    """loadgen at work; `rows` once it has ended."""

    def __init__(self, lab, server, name="load", linger=False, unix=False, **options):
        self.log_path = lab.scratch / f"{name}.csv"
        where = ["--unix", server.unix_path] if unix else ["--port", server.port, *(["--host", "::1"] if server.ipv6 else [])]
        for option, value in options.items():
            if value is False:
                continue
            for each in value if isinstance(value, list) else [value]:
                where += [f"--{option.replace('_', '-')}"] + ([] if each is True else [each])
        super().__init__(lab, name, [BUILD / "servers/loadgen", *where, "--log", self.log_path, *(["--linger"] if linger else [])],
                         stdin=subprocess.PIPE if linger else subprocess.DEVNULL)

    def await_answers(self, seconds=120):
        """Of a lingering load: all is answered, and the connections are still open."""
        self.await_text(self.out_path, "lingering", seconds)

    def finish(self, seconds=150):
        """Its exit code: 0 if no request failed."""
        if self.child.stdin:
            self.child.stdin.close()
        return self.wait(seconds)

    def rows(self):
        return read_csv(self.log_path)


class Tracer(Process):
    def __init__(self, lab, name, *arguments, **how):
        super().__init__(lab, name, [BUILD / "iocpu-trace", *arguments], **how)

    def attached(self):
        self.await_text(self.err_path, "attached in")
        return self

    def has_hook(self, name):
        for path in pathlib.Path(f"/proc/{self.pid}/fdinfo").iterdir():
            try:
                if any(line.split() == ["tp_name:", name] for line in path.read_text(encoding="ascii").splitlines()):
                    return True
            except FileNotFoundError:
                pass  # closed between the listing and the reading
        return False

    def await_hook(self, name, seconds=START_SECONDS):
        """Of a hook that is attached only once the target turns out to need it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.has_hook(name):
                return
            time.sleep(0.005)
        raise RuntimeError(f"{self.name}: no hook on {name} in {seconds} s")

    def json_lines(self):
        return [json.loads(line) for line in self.out().splitlines()]

    def json(self):
        return json.loads(self.out())


class Lab:
    def __init__(self):
        self.processes = []

    def __enter__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="iocpu-live."))
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.child.poll() is None:
                process.child.terminate()
        for process in reversed(self.processes):
            try:
                process.child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.child.kill()
                process.child.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def keep(self, process):
        self.processes.append(process)
        return process

    def downstream(self, **how):
        return self.keep(Downstream(self, **how))

    def sample(self, model, *arguments, **how):
        """A bundled C server; "worker_pool:request" is the worker pool that hands over requests."""
        program, _, handoff = model.partition(":")
        variant = ["--handoff", handoff] if handoff else []
        return self.keep(Server(self, program, [BUILD / "servers" / program, *variant, *arguments], **how))

    def load(self, server, **options):
        return self.keep(Load(self, server, **options))

    def run_load(self, server, **options):
        """The load from its start to its end: its rows. No request may fail."""
        load = self.load(server, **options)
        if load.finish():
            raise RuntimeError(f"the load failed: {load.out().strip()} {load.err().strip()}")
        return load.rows()

    def trace(self, name, *arguments, **how):
        return self.keep(Tracer(self, name, *arguments, **how))

    def keep_tracepoints_armed(self):
        """The kernel arms a tracepoint for its first tracer and disarms it after its last, one at a time, and waits for an RCU grace period
        at each: a quarter of a short run. A tracer of a process that does nothing keeps them armed until the lab is left."""
        idle = self.keep(Process(self, "idle", ["sleep", "infinity"]))
        self.trace("keeper of tracepoints", "--hooks", "off", "-o", "json", "-p", idle.pid).attached()


def need(*commands):
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    for command in commands:
        if not shutil.which(command, path=path):
            raise Skip(f"{command} is not installed")


# ---- the kernel's own counters


def counters(pids):
    """By thread: CPU ns, voluntary and involuntary switches, ns that it waited for a core."""
    found = {}
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            status = dict(line.split(":", 1) for line in (task / "status").read_text(encoding="ascii", errors="replace").splitlines())
            cpu_ns, core_wait_ns = map(int, (task / "schedstat").read_text(encoding="ascii").split()[:2])
            switches = (int(status[f"{kind}_ctxt_switches"]) for kind in ("voluntary", "nonvoluntary"))
            found[int(task.name)] = (cpu_ns, *switches, core_wait_ns)
    return found


def quiet_counters(pids, seconds=20):
    """The counters once nobody runs any more: two looks in a row found the same."""
    end = time.monotonic() + seconds
    last = counters(pids)
    while time.monotonic() < end:
        select.select([], [], [], 0.15)
        now = counters(pids)
        if now == last:
            return now
        last = now
    raise RuntimeError("the server does not come to rest")


def growth(before, after):
    """Sums over all threads of what grew: CPU ns, voluntary, involuntary, ns of waiting for a core."""
    return tuple(sum(after[tid][i] - before.get(tid, (0, 0, 0, 0))[i] for tid in after) for i in range(4))
