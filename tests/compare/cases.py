# SPDX-License-Identifier: BSD-2-Clause
"""What is compared: a table of workloads and loads, and a table of servers, each built on another model."""
import dataclasses

import servers

CONNECTIONS = 64
POOL_THREADS = 16


@dataclasses.dataclass(frozen=True)
class Workload:
    """seconds: of a saturated run; the longer a request, the longer it takes until as many begin as end."""

    name: str
    path: str
    cpu_ms: float
    io_ms: float
    seconds: int


TYPICAL = Workload("5 calls of 50 ms, 10 ms CPU", "/work?cpu=10000&calls=5&hold=50000&id=#", 10, 250, 2)
SHORT = Workload("2 calls of 5 ms, 2 ms CPU", "/work?cpu=2000&calls=2&hold=5000&id=#", 2, 10, 1)
COMPUTE = Workload("no call, 5 ms CPU", "/work?cpu=5000&calls=0&id=#", 5, 0, 1)
WORKLOADS = [TYPICAL, SHORT, COMPUTE]


@dataclasses.dataclass(frozen=True)
class Case:
    """cores: of the server. rate: requests a second as a Poisson process; 0: every connection asks again as soon as it was answered."""

    workload: Workload
    cores: int
    rate: int = 0

    def name(self):
        load = f"{self.rate} requests a second" if self.rate else "saturated"
        return f"{self.workload.name}, {self.cores} core{'s' if self.cores > 1 else ''}, {load}"

    def seconds(self):
        return MODERATE_SECONDS if self.rate else self.workload.seconds

    def load_options(self):
        arrivals = {"rate": self.rate, "poisson": True} if self.rate else {}
        return {"connections": CONNECTIONS, "path": self.workload.path, "duration": self.seconds(), **arrivals}


MODERATE_RATE, MODERATE_SECONDS = 150, 2  # of SHORT: three tenths of a core
CASES = [Case(workload, cores) for cores in (1, 2) for workload in WORKLOADS] + [Case(SHORT, 1, MODERATE_RATE)]


@dataclasses.dataclass(frozen=True)
class Size:
    """What a server is made for. waiting: requests that may be under way at once."""

    cores: int
    waiting: int
    workers: int


@dataclasses.dataclass(frozen=True)
class Model:
    """command(Size): the program with its own arguments; raises tap.Skip where this machine lacks something."""

    name: str
    one_line: str
    command: object


def tokio(size):
    return [*servers.tokio(), "--threads", size.cores]  # of an option that is given twice the last counts


MODELS = [
    Model("C threads", "a thread for each connection, which waits itself",
          lambda _: servers.sample("thread_per_conn")()),
    Model("C queue → workers", f"a selector reads, a queue, {POOL_THREADS} threads that wait themselves",
          lambda size: servers.sample("worker_pool", "--handoff", "request", "--threads", size.workers)()),
    Model("C pre-fork", "a process for each connection, made at the start",
          lambda size: servers.sample("prefork", "--threads", size.waiting)()),
    Model("C epoll loop", "one thread, one event loop, callbacks",
          lambda _: servers.sample("epoll_loop")()),
    Model("C loop per core", "an event loop in a process for each core, the kernel spreads the connections",
          lambda size: servers.sample("reuseport_loops", "--threads", size.cores)()),
    Model("Node http", "one event loop, promises",
          lambda _: servers.real("node", "node_http.js", "--calls", "kept")()),
    Model("Python threads", "a thread for each connection, one interpreter lock",
          lambda _: servers.python("python_threads.py")()),
    Model("Python asyncio", "one event loop, a task for each connection",
          lambda _: servers.python("python_asyncio.py", "--calls", "kept")()),
    Model("Go net/http", "a goroutine for each connection, as many threads at work as cores",
          lambda _: servers.go("-locked=false", "-calls", "kept")()),
    Model("Java executor", "a thread of a pool for each connection, which waits itself",
          lambda size: servers.java("blocking", size.waiting)()),
    Model("Java queue → workers", f"a selector reads, an executor of {POOL_THREADS} threads",
          lambda size: servers.java("selector", size.workers)()),
    Model("Java 25 virtual threads", "a virtual thread for each connection, as many carriers as cores",
          lambda _: servers.java("blocking", "virtual", "25")()),
    Model("Rust tokio", "a task for each connection, as many threads as cores", tokio),
]
