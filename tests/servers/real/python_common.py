# SPDX-License-Identifier: BSD-2-Clause
"""What Python's sample servers share: their options, what a request burns and asks, and the truth that they log."""
import argparse
import os
import threading
import time

TYPICAL = ["db", "cache", "db", "mail", "db"]
BODY = b'{"status":"ok"}\n'
TRUTH_HEAD = "id,path,thread_id,cpu_burned_ns,handler_cpu_ns,start_ns,end_ns,vol,invol,burns"
STOP_TRIES = 200  # of 10 ms each: for requests that have answered but not told yet


def _peers(text):
    return {name: int(port) for name, port in (pair.split("=") for pair in text.split(","))}


def parser():
    found = argparse.ArgumentParser()
    found.add_argument("--port", type=int, default=0)
    found.add_argument("--downstream", type=_peers, default={}, help="db=PORT,cache=PORT,mail=PORT")
    found.add_argument("--pool", type=int, default=2, help="connections that /pool shares")
    found.add_argument("--truth", help="FILE: CSV of every request")
    return found


def port_of(options, peer):
    return options.downstream.get(peer) or options.downstream["db"]


def query_of(peer_id, hold_us):
    """A call of the mock downstream."""
    return b"Q %d %d\n" % (peer_id, hold_us)


class Request:
    """One request's share of the truth."""

    def __init__(self, request_id, path):
        self.id, self.path, self.calls, self.burned_ns = request_id, path, 0, 0
        self.start_ns, self.burns = time.monotonic_ns(), []

    def burn(self, ms):
        if ms <= 0:
            return
        start_ns, began = time.monotonic_ns(), time.thread_time_ns()
        while time.thread_time_ns() - began < ms * 1e6:
            pass
        used_ns = time.thread_time_ns() - began
        self.burns.append(f"{threading.get_native_id()}:{start_ns}:{time.monotonic_ns()}:{used_ns}")
        self.burned_ns += used_ns

    def next_call_id(self):
        self.calls += 1
        return self.id * 100 + self.calls - 1


class Truth:
    """Rows of finished requests, written when the server ends."""

    def __init__(self, path):
        self.path, self.rows = path, [TRUTH_HEAD]

    def add(self, request, thread_id, end_ns, handler_cpu_ns=0, voluntary=-1, involuntary=-1):
        if self.path:
            row = (request.id, request.path, thread_id, request.burned_ns, handler_cpu_ns, request.start_ns, end_ns, voluntary,
                   involuntary, ";".join(request.burns))
            self.rows.append(",".join(map(str, row)))

    def write(self):
        if self.path:
            with open(self.path, "w", encoding="ascii") as file:
                file.write("\n".join(self.rows) + "\n")

    def append(self):
        """Without the head: one process's rows, where several write."""
        if self.path and len(self.rows) > 1:
            with open(self.path, "a", encoding="ascii") as file:
                file.write("\n".join(self.rows[1:]) + "\n")


def say_ready(port):
    print(f"READY port={port} pid={os.getpid()}", flush=True)
