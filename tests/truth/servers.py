# SPDX-License-Identifier: BSD-2-Clause
"""The servers of the truth harness: a row each, with the ways in which they call their downstream."""
import dataclasses
import os
import subprocess

import lab as labs
from lab import ROOT, Server, need
from tap import Skip

REAL = ROOT / "tests/servers/real"
POOL = 6


@dataclasses.dataclass(frozen=True)
class Row:
    """calls: {way: arguments}; a way's name is one of new, kept, pool, mux, client. more: what a request's query takes along for a way.
    command(): the server's program and first arguments, built if need be; raises tap.Skip where this machine lacks something."""

    name: str
    model: str
    command: object
    calls: dict
    more: dict = dataclasses.field(default_factory=dict)

    def make(self, way):
        command = self.command()

        def start(lab, downstream):
            return lab.keep(Server(lab, "server", [*command, *downstream.arguments(), *self.calls[way]]))

        return start


def sample(program, *arguments):
    return lambda: [labs.BUILD / "servers" / program, *arguments]


def real(interpreter, script, *arguments):
    def command():
        need(interpreter)
        return [interpreter, REAL / script, *arguments]
    return command


def java(model, threads, series=None):
    """series: of the JDK (fetch-jdk's); None: the machine's own."""
    def command():
        need("javac")
        classes = labs.BUILD / "servers/java"
        subprocess.run(["javac", "-nowarn", "-XDignore.symbol.file", "-d", classes, *sorted((REAL / "java").glob("*.java"))], check=True)
        return [*java_program(series), "-Xshare:auto", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp", classes, "Server",
                "--model", model, "--threads", threads]
    return command


def java_program(series):
    if not series:
        return ["java"]
    found = subprocess.run([ROOT / "tests/truth/fetch-jdk", series], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if found.returncode:
        raise Skip(f"no JDK {series}: {found.stderr.strip()[-200:]}")
    return found.stdout.split()


def ways(*names):
    """Of servers that take --calls."""
    return {name: ["--calls", name, "--pool", POOL] for name in names}


C_CALLS, C_MORE = {"kept": [], "pool": ["--pool", POOL]}, {"pool": "&pool=1"}
THREADS = 32  # of pools that serve blocking: as many as there are connections

ROWS = [
    Row("C, thread per connection", "threads", sample("thread_per_conn"), C_CALLS, C_MORE),
    Row("C, selector, queue, workers", "queue → workers", sample("worker_pool", "--handoff", "request", "--threads", THREADS),
        C_CALLS, C_MORE),
    Row("C, pre-fork", "processes", sample("prefork", "--threads", 128), {"kept": []}),
    Row("C, epoll loop", "event loop", sample("epoll_loop"), C_CALLS, C_MORE),
    Row("C, loops on one port", "event loops", sample("reuseport_loops", "--threads", 2, "--as-threads"), C_CALLS, C_MORE),
    Row("Java, executor", "threads of a pool", java("blocking", 128), ways("kept", "new", "pool", "client")),
    Row("Java, selector, queue, workers", "queue → workers", java("selector", THREADS), ways("kept", "new", "pool", "client")),
    Row("Java, HttpServer", "queue → workers", java("httpserver", THREADS), ways("kept", "pool")),
    Row("Java 21, virtual threads", "virtual threads", java("blocking", "virtual", "21"), ways("kept", "new", "pool", "client")),
    Row("Java 25, virtual threads", "virtual threads", java("blocking", "virtual", "25"), ways("kept", "new", "pool", "client")),
]
