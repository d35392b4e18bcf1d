# SPDX-License-Identifier: BSD-2-Clause
"""Hooks into runtimes: what they add, and that nothing of them stays behind."""
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import time

import test_models as models
import test_real as real
import truth
from lab import Lab, Process, Server
from tap import Skip

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = pathlib.Path("/usr/bin/python3")  # Debian's, which has Debian's packages
NO_LOAD_S = 10
TOKIO_MIX = "8 /work?cpu=2000&calls=2&hold=5000&id=#, 3 /json?id=#, 1 /typical?id=#, 2 /parallel?id=#"
SLEEP_MS, SLEEP_LATE_MS = 28, 8
JVM_S = 60
LOOKS_S = 1  # some more looks of the tracer, which are to find nothing new
BEYOND = 3  # processes for which there is no place
BECOMES = """import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("it waits", flush=True)
signal.sigwait({signal.SIGUSR1})
os.execv(sys.argv[1], sys.argv[1:])
"""
SLEEPER = "public class Sleeper { public static void main(String[] ignored) throws Exception { Thread.sleep(600_000); } }"


def check_no_doubt(tap, run):
    tap.equal("requests with ambiguous parts", sum(pair.traced["ambiguous"] for pair in run.pairs), 0)


def go_told(tap):
    """With the hook into its scheduler nothing is missing of what Go's goroutines do without the kernel."""
    for locked in ("true", "false"):
        real.mixed(tap, [real.build_go()], f"-locked={locked}",
                   checks=(*real.CHECKS, real.check_nothing_of_others, check_no_doubt, real.check_unnamed))


def asyncio_told(tap):
    """With the hook into its event loop asyncio's tasks are told apart, those too that a request starts side by side."""
    for calls in ("kept", "new"):
        real.mixed(tap, [PYTHON, real.REAL / "python_asyncio.py"], "--calls", calls, checks=(*real.CHECKS, check_no_doubt))


def need_uvloop():
    if subprocess.run([PYTHON, "-c", "import uvloop"], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skip("python3-uvloop is not installed")


def uvloop_told(tap):
    """uvloop writes for all tasks when they have run; which of them it was is told as they ask."""
    need_uvloop()
    for calls in ("kept", "new"):
        real.mixed(tap, [PYTHON, real.REAL / "python_asyncio.py"], "--uvloop", "--calls", calls, checks=(*real.CHECKS, check_no_doubt))


def count_places():
    return int(re.search(r"#define HOOKED_PROCESSES_MAX\s+(\d+)", (ROOT / "include/config.h").read_text(encoding="utf-8")).group(1))


def go_in_turn(tap):
    """More processes than there are places for hooks, as a service's workers are in a week: those that have ended give theirs up."""
    places = count_places()
    program, refused = real.build_go(), []
    with Lab() as lab:
        shell = lab.keep(Process(lab, "shell", ["sh"], stdin=subprocess.PIPE))
        tracer = lab.trace("tracer", "-p", shell.pid, "-o", "json").attached()
        for number in range(places + 3):
            shell.child.stdin.write(f"{program} & echo child {number} $!; wait\n".encode("ascii"))
            shell.child.stdin.flush()
            pid = int(shell.await_text(shell.out_path, f"child {number} ").split()[2])
            said = tracer.await_text(tracer.err_path, f"hooks: pid {pid} (")
            if "off" in said:
                refused.append(said)
            os.kill(pid, signal.SIGKILL)
        tap.equal("processes that are not hooked", refused, [])
        tap.equal("exit code", tracer.end(), 0)


def go_side_by_side(tap):
    """More processes at once than there are places for hooks: each without a place is told so, until it is a program that has one."""
    program, pids = real.build_go(), []
    with Lab() as lab:
        (lab.scratch / "becomes.py").write_text(BECOMES, encoding="ascii")
        shell = lab.keep(Process(lab, "shell", ["sh"], stdin=subprocess.PIPE))
        tracer = lab.trace("tracer", "-p", shell.pid, "-o", "json").attached()
        try:
            for command in [program] * (count_places() + BEYOND) + [f"{PYTHON} becomes.py {program}"]:
                shell.child.stdin.write(f"{command} & echo child {len(pids)} $!\n".encode("ascii"))
                shell.child.stdin.flush()
                pids.append(int(shell.await_text(shell.out_path, f"child {len(pids)} ").split()[2]))
                tracer.await_text(tracer.err_path, f"hooks: pid {pids[-1]} (")
            shell.await_text(shell.out_path, "it waits")
            os.kill(pids[0], signal.SIGKILL)
            shell.child.stdin.write(f"wait {pids[0]}; echo one has ended\n".encode("ascii"))
            shell.child.stdin.flush()
            shell.await_text(shell.out_path, "one has ended")
            os.kill(pids[-1], signal.SIGUSR1)
            tracer.await_text(tracer.err_path, f"hooks: pid {pids[-1]} (go_http): go")
            tap.equal("exit code", tracer.end(), 0)
        finally:
            for pid in pids[1:]:
                os.kill(pid, signal.SIGKILL)
        hook_by_pid = {process["pid"]: process["hook"] for process in tracer.json()["processes"]}
        off = [pid for pid in pids[1:] if not hook_by_pid[pid]["on"]]
        tap.equal("told as off", off, pids[-1 - BEYOND:-1])
        tap.equal("why", {hook_by_pid[pid]["says"] for pid in off}, {"off: too many processes are hooked already"})


def changed_code(pid, program):
    """How many bytes of the program's code are otherwise in the process than in the file."""
    file = program.read_bytes()
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        ranges = [line.split() for line in maps if line.rstrip().endswith(str(program)) and line.split()[1].startswith("r-x")]
    changed = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for addresses, _, offset, *_ in ranges:
            begin, end = (int(address, 16) for address in addresses.split("-"))
            memory.seek(begin)
            code = memory.read(end - begin)
            at = int(offset, 16)
            changed += sum(a != b for a, b in zip(code, file[at:at + len(code)]))
    return changed


def mapped_file(pid, part):
    """The file of code in the process whose path has that part."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        return pathlib.Path(next(path for line in maps for _, mode, *_, path in [line.split()] if mode == "r-xp" and part in path))


def left_behind(tap, command, part):
    """Neither by a tracer that ends, nor by one that is killed; and one that was told not to hook does not. part: of the path of the file
    that is hooked."""
    with Lab() as lab:
        downstream = lab.downstream()
        server = lab.keep(Server(lab, "server", [*command, *downstream.arguments()]))
        program = mapped_file(server.pid, part)
        tap.equal("bytes of code that differ before", changed_code(server.pid, program), 0)
        for name, how in (("ends", signal.SIGTERM), ("is killed", signal.SIGKILL)):
            tracer = lab.trace(name, "record", "-w", lab.scratch / "hooks.rec", "-p", server.pid).attached()
            tap.at_least(f"bytes of code that differ until the tracer {name}", changed_code(server.pid, program), 1, "")
            tracer.child.send_signal(how)
            tracer.child.wait(NO_LOAD_S)
            tap.equal(f"bytes of code that differ after the tracer {name}", changed_code(server.pid, program), 0)
        lab.trace("off", "record", "-w", lab.scratch / "off.rec", "--hooks", "off", "-p", server.pid).attached()
        tap.equal("bytes of code that differ with --hooks off", changed_code(server.pid, program), 0)


def go_behind_shell(tap):
    """A shell that becomes the server within moments: by the time it is looked at, both have begun. The process is hooked once."""
    program = real.build_go()
    with Lab() as lab:
        for name in ("first", "second", "third"):
            tracer = lab.trace(name, "-o", "ndjson", "--", "sh", "-c", f"exec {program}")
            tracer.await_text(tracer.err_path, "its scheduler tells which goroutine a thread runs")
            time.sleep(LOOKS_S)
            tap.equal("exit code", tracer.end(), 0)
            tap.equal("times that it was told as hooked", sum("hooks: pid" in line for line in tracer.err().splitlines()), 1)


def go_left_behind(tap):
    left_behind(tap, [real.build_go()], "/go_http")


def python_left_behind(tap):
    command = [PYTHON, real.REAL / "python_asyncio.py"]
    left_behind(tap, command, f"{PYTHON.resolve()}")
    left_behind(tap, command, "/_asyncio.")


def uvloop_left_behind(tap):
    need_uvloop()
    left_behind(tap, [PYTHON, real.REAL / "python_asyncio.py", "--uvloop"], "/uvloop/loop.")


def python_started(tap):
    """A program that the tracer starts has not imported asyncio when it is looked at first; one that never does is not spoken of."""
    with Lab() as lab:
        tracer = lab.trace("starts", "-o", "ndjson", "--", PYTHON, "-c", "import time; time.sleep(1); import asyncio; time.sleep(600)")
        tracer.await_text(tracer.err_path, "asyncio: its event loops tell which task runs", NO_LOAD_S)
        tap.equal("what was said of hooks", len([line for line in tracer.err().splitlines() if "hooks: pid" in line]), 1)


def hooks_of(pid):
    """How many perf events and BPF links a process holds open: some for each place that it has hooked, and for each call."""
    count = 0
    for file in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += str(file.readlink()) in ("anon_inode:[perf_event]", "anon_inode:bpf_link")
        except FileNotFoundError:
            pass  # closed between the listing and the reading
    return count


def await_that(true, seconds=NO_LOAD_S):
    """Whether it became true."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def python_again(tap):
    """A program that executes itself again is hooked anew, and not twice."""
    program = "import asyncio, os, signal, sys\n" \
              "signal.signal(signal.SIGUSR1, lambda *_: os.execv(sys.executable, sys.orig_argv))\n" \
              "while True: signal.pause()"
    hooked = "asyncio: its event loops tell which task runs"
    with Lab() as lab:
        tracer = lab.trace("again", "-o", "ndjson", "--", PYTHON, "-c", program)
        line = tracer.await_text(tracer.err_path, hooked, NO_LOAD_S)
        before = hooks_of(tracer.pid)
        os.kill(int(re.search(r"hooks: pid (\d+)", line).group(1)), signal.SIGUSR1)
        tap.check("it is hooked anew", await_that(lambda: tracer.err().count(hooked) == 2), tracer.err()[-300:])
        await_that(lambda: hooks_of(tracer.pid) == before)
        tap.equal("places that are hooked", hooks_of(tracer.pid), before)


# Serves one connection, and becomes what waits for a lock that its other thread holds; both tell what they did.
SERVES_THEN_WAITS = """
import ctypes, os, socket, sys, threading, time
libc = ctypes.CDLL(None)
def wait_for_other():
    word = ctypes.c_uint32(0)
    def wake():
        time.sleep(0.3)
        libc.syscall(202, ctypes.byref(word), 129, 1, None)  # FUTEX_WAKE
    for _ in range(5):
        threading.Thread(target=wake).start()
        libc.syscall(202, ctypes.byref(word), 128, 0, None)  # FUTEX_WAIT
    print("waited", flush=True)
def serve():
    listener = socket.create_server(("127.0.0.1", 0))
    print("port", listener.getsockname()[1], flush=True)
    connection = listener.accept()[0]
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    connection.close()
if len(sys.argv) == 1 or sys.argv[1] != "waits":
    serve()
    if sys.argv[1:] != ["stays"]:
        os.execv(sys.executable, [sys.executable, "-c", os.environ["PROGRAM"], "waits"])
wait_for_other()
time.sleep(600)
"""


def hooks_futexes(lab, name, *arguments):
    """Whether the tracer has a hook on futexes once the program has served, and waited."""
    program = lab.keep(Process(lab, name, [PYTHON, "-c", SERVES_THEN_WAITS, *arguments], env={**os.environ, "PROGRAM": SERVES_THEN_WAITS}))
    port = int(program.await_text(program.out_path, "port ").split()[1])
    tracer = lab.trace(f"tracer of {name}", "--hooks", "off", "-p", program.pid, "-o", "json").attached()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
    program.await_text(program.out_path, "waited")
    time.sleep(LOOKS_S)
    hooked = tracer.has_hook("sys_exit_futex")
    tracer.end()
    return hooked


def waits_again(tap):
    """Whether a thread serves is asked of the program that it runs now: what only waits for a lock needs no hook on futexes."""
    with Lab() as lab:
        tap.equal("futexes are hooked for a server that waits", hooks_futexes(lab, "serves", "stays"), True)
        tap.equal("… and for what it has become", hooks_futexes(lab, "served"), False)


def uvloop_started(tap):
    """What loads uvloop only after it was hooked is hooked there too, and said to be."""
    need_uvloop()
    program = "import time, asyncio; time.sleep(2); import uvloop; time.sleep(600)"
    with Lab() as lab:
        tracer = lab.trace("starts", "-o", "ndjson", "--", PYTHON, "-c", program)
        tracer.await_text(tracer.err_path, "asyncio: its event loops", NO_LOAD_S)
        tracer.await_text(tracer.err_path, "asyncio on uvloop: its event loops", NO_LOAD_S)


def tokio_told(tap):
    """With the hook into its scheduler nothing is missing of what tokio's tasks do without the kernel: those that others spawn, those that
    wait for a connection, and those that read for all."""
    for way in ("pool", "mux"):
        real.mixed(tap, [real.build_tokio()], "--calls", way, "--pool", "6", mix=TOKIO_MIX,
                   checks=(*real.CHECKS, real.check_nothing_of_others, check_no_doubt))


def tokio_client(tap):
    """hyper's client has a task for each connection, which may be given the next question while it still runs for the last one."""
    real.mixed(tap, [real.build_tokio()], "--calls", "client", mix=TOKIO_MIX,
               checks=(models.check_counts, models.check_cpu, models.check_switches, real.check_nothing_of_others, check_no_doubt))


def check_asleep(tap, run):
    """Of one whose timer ran out in a turn that something else had begun it is not certain: OTHER."""
    slept_ms = [pair.traced["state_ns"]["sleep"] / truth.NS_PER_MS for pair in run.pairs]
    unsure_ms = [pair.traced["state_ns"]["other"] / truth.NS_PER_MS for pair in run.pairs]
    tap.check("SLEEP, or OTHER", all(SLEEP_MS <= slept + unsure <= SLEEP_MS + SLEEP_LATE_MS for slept, unsure in zip(slept_ms, unsure_ms)),
              f"{slept_ms} and {unsure_ms} ms")
    tap.at_least("SLEEP of most", statistics.median(slept_ms), SLEEP_MS, " ms")


def tokio_asleep(tap):
    """One request at a time: the loop has nothing else to wake for but the timer."""
    real.mixed(tap, [real.build_tokio()], mix="1 /sleep?id=#", requests=20, connections=1, checks=(models.check_counts, check_asleep))


def tokio_left_behind(tap):
    left_behind(tap, [real.build_tokio()], "/rust_tokio")


def tokio_unfit(tap):
    """A program without symbols is left alone, and why is said."""
    with Lab() as lab:
        program = lab.scratch / "stripped"
        subprocess.run(["strip", "-o", program, real.build_tokio()], check=True)
        downstream = lab.downstream()
        server = lab.keep(Server(lab, "server", [program, *downstream.arguments()]))
        tracer = lab.trace("stripped", "record", "-w", lab.scratch / "hooks.rec", "-p", server.pid).attached()
        tracer.await_text(tracer.err_path, "off: Rust, tokio 1.24.2: it is stripped of its symbols", NO_LOAD_S)
        tap.equal("bytes of code that differ", changed_code(server.pid, program), 0)


def jvm_left_behind(tap):
    left_behind(tap, [*real.build_java("21"), "--model", "blocking", "--threads", "virtual"], "/libjvm.so")


def jvm_started(tap):
    """A JVM that the tracer starts has no libjvm when it is looked at first."""
    java = real.java_program("21")
    with Lab() as lab:
        source = lab.scratch / "Sleeper.java"
        source.write_text(SLEEPER, encoding="ascii")
        tracer = lab.trace("starts", "-o", "ndjson", "--", *java, source)
        tracer.await_text(tracer.err_path, "its memory tells which virtual thread a carrier runs", JVM_S)
        time.sleep(LOOKS_S)
        off = ["off:" in line for line in tracer.err().splitlines() if "hooks: pid" in line]
        tap.check("it was off at most once, then hooked once", off in ([True, False], [False]), f"{off}")


TOPICS = {
    "go, told by its scheduler": go_told,
    "go, hooks leave nothing behind": go_left_behind,
    "go, behind a shell": go_behind_shell,
    "asyncio, told by its event loop": asyncio_told,
    "go, more processes in turn than places": go_in_turn,
    "go, more processes at once than places": go_side_by_side,
    "uvloop, told by its event loop": uvloop_told,
    "asyncio, hooks leave nothing behind": python_left_behind,
    "uvloop, hooks leave nothing behind": uvloop_left_behind,
    "asyncio, imported after the start": python_started,
    "asyncio, executed again": python_again,
    "locks, executed again": waits_again,
    "uvloop, imported after asyncio": uvloop_started,
    "tokio, told by its scheduler": tokio_told,
    "tokio, hyper's client": tokio_client,
    "tokio, asleep": tokio_asleep,
    "tokio, hooks leave nothing behind": tokio_left_behind,
    "tokio, stripped": tokio_unfit,
    "jvm, started by the tracer": jvm_started,
    "jvm, hooks leave nothing behind": jvm_left_behind,
}
