# SPDX-License-Identifier: BSD-2-Clause
"""The servers of the truth harness: a row each, with the ways in which they call their downstream."""
import dataclasses
import os
import subprocess

import lab as labs
from lab import ROOT, Server, need

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


C_CALLS, C_MORE = {"kept": [], "pool": ["--pool", POOL]}, {"pool": "&pool=1"}
THREADS = 32  # of pools that serve blocking: as many as there are connections

ROWS = [
    Row("C, thread per connection", "threads", sample("thread_per_conn"), C_CALLS, C_MORE),
    Row("C, selector, queue, workers", "queue → workers", sample("worker_pool", "--handoff", "request", "--threads", THREADS),
        C_CALLS, C_MORE),
    Row("C, pre-fork", "processes", sample("prefork", "--threads", 128), {"kept": []}),
    Row("C, epoll loop", "event loop", sample("epoll_loop"), C_CALLS, C_MORE),
    Row("C, loops on one port", "event loops", sample("reuseport_loops", "--threads", 2, "--as-threads"), C_CALLS, C_MORE),
]
