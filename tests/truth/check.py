# SPDX-License-Identifier: BSD-2-Clause
"""The short form: some servers and loads, as TAP, against bounds that hold today. All of them compare with what was logged."""
import os
import time

import check_measure
import lab as labs
import scenario
import servers
import targets
from tap import Tap

REQUESTS = 503
LOADS = {load.name: load for load in scenario.LOADS}
FULL, MODERATE, MANY, LATE = "32 saturated", "32 moderate", "128 saturated", "32 attached in the middle"

# Server, way to call, load, --hooks, right % at least, ambiguous % at most, NET ms at most (None: not bounded).
BOUNDS = [
    ("C, thread per connection", "kept", FULL, "auto", 99, 1, 0.5),
    ("C, selector, queue, workers", "kept", FULL, "auto", 99, 1, 0.5),
    ("C, selector, queue, workers", "pool", FULL, "auto", 98, 1, 0.5),
    ("C, pre-fork", "kept", FULL, "auto", 99, 1, 0.5),
    ("C, epoll loop", "kept", FULL, "auto", 99, 1, 0.5),
    ("C, epoll loop", "pool", FULL, "auto", 98, 1, 0.5),
    ("Go, net/http", "kept", FULL, "auto", 98, 1, 0.5),
    ("Go, net/http", "pool", FULL, "auto", 98, 1, 0.5),
    ("Rust, tokio and hyper", "pool", FULL, "auto", 98, 1, 0.5),
    ("Rust, tokio and hyper", "client", FULL, "auto", 98, 1, 0.5),
    ("Node, http", "new", FULL, "auto", 98, 1, 0.5),
    ("Node, net", "pool", FULL, "auto", 98, 1, 0.5),
    # Nothing is read for what runs; and with files it is not known for whom it runs: hardly anything may be wrong there all the same.
    ("Node, http, put off", "kept", MODERATE, "auto", 50, None, 2),
    ("Node, http, put off", "pool", FULL, "auto", None, None, None),
    ("Node, http, behind files", "kept", MODERATE, "auto", None, None, None),
    ("Python, ThreadingHTTPServer", "kept", FULL, "auto", 99, 1, 0.5),
    ("Python, asyncio streams", "new", FULL, "auto", 99, 1, 0.5),
    ("Python, asyncio streams", "pool", FULL, "auto", 99, 1, 0.5),
    ("Python, aiohttp", "new", FULL, "auto", 99, 1, 0.5),
    ("Python, uvicorn", "kept", FULL, "auto", 99, 1, 0.5),
    ("Python, FastAPI on uvicorn", "pool", FULL, "auto", 98, 1, 0.5),
    # Which of several threads had done with something first may be open.
    ("Python, asyncio.to_thread", "kept", MODERATE, "auto", 60, None, 1),
    ("Python, FastAPI, not async", "pool", FULL, "auto", None, None, None),
    ("Python, streams on uvloop", "pool", FULL, "auto", 98, 1, 0.5),
    ("Python, FastAPI on uvloop", "pool", FULL, "auto", 98, 1, 0.5),
    # Of like runs some are 98.1% right, others all: one mistaken order marks what it touches.
    ("C++, coroutines on Asio", "kept", FULL, "auto", 96, 3, 0.5),
    ("C++, coroutines on Asio", "pool", FULL, "auto", 92, 3, 0.5),
    ("Java, executor", "kept", FULL, "auto", 99, 1, 0.5),
    ("Java, selector, queue, workers", "kept", FULL, "auto", 98, 1, 0.5),
    ("Java 21, virtual threads", "pool", FULL, "auto", 99, 1, 0.5),
    ("Java 25, virtual threads", "client", FULL, "auto", 98, 1, 0.5),
    ("Java 25, virtual threads", "scope", FULL, "auto", 98, 1, 0.5),
    ("Java 21, virtual threads", "executor", MANY, "auto", 99, 1, 0.5),
    ("Java 25, virtual threads", "executor", FULL, "auto", 98, 1, 0.5),
    ("C, epoll loop", "pool", LATE, "auto", 98, 1, 0.5),
    ("C, pre-fork", "kept", LATE, "auto", 98, 1, 0.5),
    ("Go, net/http", "pool", LATE, "auto", 97, 2, 0.5),
    ("Node, http", "pool", LATE, "auto", 97, 2, 0.5),
    ("Python, asyncio streams", "pool", LATE, "auto", 98, 1, 0.5),
    ("Java 25, virtual threads", "kept", LATE, "auto", 98, 1, 0.5),
    ("Node, net", "pool", MANY, "auto", 98, 1, 0.5),
    ("Python, uvicorn on uvloop", "pool", MANY, "auto", 98, 1, 0.5),
    ("Go, net/http", "client", MODERATE, "auto", 98, 2, 0.5),
    ("nginx, Lua", "kept", MODERATE, "auto", 98, 1, 0.5),
    ("Python, gunicorn", "kept", FULL, "auto", 99, 1, 0.5),
    ("C, loops on one port", "pool", FULL, "auto", 98, 1, 0.5),
    ("Go, net/http", "mux", FULL, "auto", 98, 1, 0.5),
    ("Rust, tokio and hyper", "mux", FULL, "auto", 98, 1, 0.5),
    # What the kernel's evidence alone tells, and where it does not: hardly anything may be wrong there all the same.
    ("Go, net/http", "kept", FULL, "off", 95, 4, 0.5),
    ("Rust, tokio and hyper", "kept", FULL, "off", 97, 3, 0.5),
    ("Python, asyncio streams", "kept", FULL, "off", 98, 1, 0.5),
    ("Python, asyncio streams", "mux", FULL, "off", 95, 3, None),
    ("Python, asyncio streams", "mux", MANY, "auto", 98, 3, 3),  # about 100 answers a read
    ("Python, FastAPI on uvloop", "kept", FULL, "off", None, None, None),
    ("Java 21, virtual threads", "kept", FULL, "off", 98, 1, 0.5),
    ("Java 21, virtual threads", "client", FULL, "off", None, None, None),
    ("Java 25, virtual threads", "executor", FULL, "off", None, None, None),
]


def topic(bounds):
    name, way, load, hooks, right, ambiguous, net_ms = bounds
    row = next(row for row in servers.ROWS if row.name == name)

    def check(tap):
        result = scenario.run(row.make(way), LOADS[load], REQUESTS, row.more.get(way, ""), hooks)
        tap.equal("counted exactly, closed, nothing lost", result.faults, [])
        if right is not None:
            tap.at_least("CPU told as its true request's", result.right, right, "%")
        tap.at_most("CPU told as another request's", result.wrong, targets.WRONG_MAX, "%")
        if ambiguous is not None:
            tap.at_most("CPU of ambiguous requests", result.ambiguous, ambiguous, "%")
        if net_ms is not None:
            tap.at_most("NET, mean error", result.net_ms, net_ms, " ms")
        tap.at_most("CPU against the kernel's total", result.conservation, 0.5, "%")
    return check


def name_of(bounds):
    name, way, load, hooks, *_ = bounds
    return f"{name}, {way}, {load}" if hooks == "auto" else f"{name}, {way}, hooks {hooks}, {load}"


def host_stolen_s():
    """What hypervisors took of all cores since boot, in seconds."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def run(options):
    topics = {"the measuring itself": check_measure.check} | {name_of(bounds): topic(bounds) for bounds in BOUNDS}
    if options.pattern:
        topics = {name: each for name, each in topics.items() if any(pattern in name for pattern in options.pattern)}
    if options.list:
        print("\n".join(topics))
        return 0
    if os.getuid():
        print("1..0 # SKIP tracing needs root")
        return 0
    tap = Tap()
    with labs.Lab() as lab:
        lab.keep_tracepoints_armed()
        for name, each in topics.items():
            began, stolen = time.monotonic(), host_stolen_s()
            tap.run(name, each)
            print(f"# {name}: {time.monotonic() - began:.1f} s, {host_stolen_s() - stolen:.2f} s of core time stolen")
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0
