#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""gunicorn's synchronous workers: forked processes that accept from one listener, serve one request at a time and close the connection;
some endpoints of the C samples. A worker keeps a connection to each peer of the downstream."""
import socket
import sys
import threading
import time
from urllib.parse import parse_qs

from gunicorn.app.base import BaseApplication

sys.dont_write_bytecode = True
import python_common as common  # noqa: E402
from python_common import BODY, TYPICAL  # noqa: E402


class Worker:
    """What a worker process has."""

    def __init__(self, options):
        self.options, self.connections, self.truth = options, {}, common.Truth(options.truth)

    def call(self, request, peer, hold_us):
        if peer not in self.connections:
            connection = socket.create_connection(("127.0.0.1", common.port_of(self.options, peer)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections[peer] = connection.makefile("rwb")
        stream = self.connections[peer]
        stream.write(common.query_of(request.next_call_id(), hold_us))
        stream.flush()
        if not stream.readline():
            raise ConnectionError("downstream closed the connection")

    def json(self, request, query):
        pass

    def cpu(self, request, query):
        request.burn(100)

    def typical(self, request, query):
        for peer in TYPICAL:
            self.call(request, peer, 50_000)
        request.burn(10)

    def work(self, request, query):
        cpu_us, calls, hold_us = (int(query.get(key, ["0"])[0]) for key in ("cpu", "calls", "hold"))
        slice_ms = cpu_us / 1000 / (calls + 1)
        request.burn(slice_ms)
        for i in range(calls):
            self.call(request, TYPICAL[i % len(TYPICAL)], hold_us)
            request.burn(slice_ms)

    endpoints = {"/json": json, "/cpu": cpu, "/block": cpu, "/typical": typical, "/work": work}

    def serve(self, environ, start_response):
        request = common.Request(int(environ.get("HTTP_X_ID", 0)), environ["PATH_INFO"])
        endpoint = self.endpoints.get(request.path)
        if endpoint:
            endpoint(self, request, parse_qs(environ["QUERY_STRING"]))
        start_response("200 OK" if endpoint else "404 Not Found", [("Content-Length", str(len(BODY))), ("X-Id", str(request.id))])
        yield BODY
        self.truth.add(request, threading.get_native_id(), time.monotonic_ns())  # gunicorn has sent it when it asks for more


class Application(BaseApplication):
    def __init__(self, options):
        self.options = options
        super().__init__()

    def load_config(self):
        settings = {
            "bind": f"127.0.0.1:{self.options.port}",
            "workers": self.options.workers,
            "loglevel": "error",
            "when_ready": lambda arbiter: common.say_ready(arbiter.LISTENERS[0].sock.getsockname()[1]),
            "worker_exit": lambda arbiter, worker: worker.wsgi.__self__.truth.append(),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self):
        return Worker(self.options).serve


parser = common.parser()
parser.add_argument("--workers", type=int, default=4)
arguments = parser.parse_args()
common.Truth(arguments.truth).write()  # the head; the workers append
Application(arguments).run()
