#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Python's ThreadingHTTPServer: a thread per connection, blocking sockets, one interpreter lock; the endpoints of the C samples."""
import os
import resource
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

sys.dont_write_bytecode = True
import python_common as common  # noqa: E402
from python_common import BODY, TYPICAL  # noqa: E402

open_requests = set()  # by thread
shared_lock = threading.Lock()


def connect(peer):
    connection = socket.create_connection(("127.0.0.1", common.port_of(options, peer)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(connection, call_id, hold_us):
    connection.sendall(common.query_of(call_id, hold_us))


def await_answer(connection):
    answer = b""
    while not answer.endswith(b"\n"):
        piece = connection.recv(64)
        if not piece:
            raise ConnectionError("downstream closed the connection")
        answer += piece


class Pool:
    """Connections to the database that all threads share."""

    def __init__(self, limit):
        self.idle = [None] * limit
        self.freed = threading.Condition()

    def call(self, call_id, hold_us):
        with self.freed:
            while not self.idle:
                self.freed.wait()
            connection = self.idle.pop()
        try:
            connection = connection or connect("db")
            ask(connection, call_id, hold_us)
            await_answer(connection)
        except OSError:
            connection = None
            raise
        finally:
            with self.freed:
                self.idle.append(connection)
                self.freed.notify()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # the head and the body leave in one write
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.connections = {}  # by place in TYPICAL: this thread's own

    def finish(self):
        super().finish()
        for connection in self.connections.values():
            connection.close()

    def log_message(self, *_):
        pass

    # ---- what endpoints are made of

    def connection_at(self, place):
        if place not in self.connections:
            self.connections[place] = connect(TYPICAL[place])
        return self.connections[place]

    def call(self, peer, hold_ms=50.0):
        connection = self.connection_at(TYPICAL.index(peer))
        ask(connection, self.record.next_call_id(), int(hold_ms * 1000))
        await_answer(connection)

    def respond(self, status=200, body=BODY):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Id", str(self.record.id))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        usage = resource.getrusage(resource.RUSAGE_THREAD)
        self.ended = (time.monotonic_ns(), time.thread_time_ns(), usage.ru_nvcsw, usage.ru_nivcsw)

    # ---- the endpoints

    def json(self, _):
        self.respond()

    def typical(self, _):
        for peer in TYPICAL:
            self.call(peer)
        self.record.burn(10)
        self.respond()

    def parallel(self, _):
        for place in range(len(TYPICAL)):
            ask(self.connection_at(place), self.record.next_call_id(), 50000)
        for place in range(len(TYPICAL)):
            await_answer(self.connection_at(place))
        self.record.burn(10)
        self.respond()

    def cpu(self, _):
        self.record.burn(100)
        self.respond()

    def sleep(self, _):
        time.sleep(0.03)
        self.respond()

    def lock(self, _):
        with shared_lock:
            time.sleep(0.02)
        self.respond()

    def pool(self, _):
        pool.call(self.record.next_call_id(), 20000)
        self.respond()

    def fire(self, _):
        self.respond()
        self.record.burn(5)
        self.call("db")

    def slow_client(self, _):
        self.respond(200, BODY * ((8 << 20) // len(BODY)))

    def work(self, query):
        cpu_us, calls, hold_us = (int(query.get(key, ["0"])[0]) for key in ("cpu", "calls", "hold"))
        slice_ms = cpu_us / 1000 / (calls + 1)
        self.record.burn(slice_ms)
        for i in range(calls):
            if "pool" in query:
                pool.call(self.record.next_call_id(), hold_us)
            else:
                self.call(TYPICAL[i % len(TYPICAL)], hold_us / 1000)
            self.record.burn(slice_ms)
        self.respond()

    endpoints = {
        "/json": json,
        "/typical": typical,
        "/parallel": parallel,
        "/cpu": cpu,
        "/block": cpu,
        "/sleep": sleep,
        "/lock": lock,
        "/pool": pool,
        "/fire": fire,
        "/work": work,
        "/slow-client": slow_client,
    }

    def do_GET(self):
        open_requests.add(threading.get_ident())
        self.serve()
        open_requests.discard(threading.get_ident())

    def serve(self):
        start_cpu_ns = time.thread_time_ns()
        usage = resource.getrusage(resource.RUSAGE_THREAD)
        url = urlsplit(self.path)
        endpoint = Handler.json if url.path.startswith("/users/") else self.endpoints.get(url.path)
        self.record, self.ended = common.Request(int(self.headers.get("X-Id", 0)), url.path), None
        try:
            if endpoint:
                endpoint(self, parse_qs(url.query))
            else:
                self.respond(404, b"")
        except OSError as error:
            print(f"{url.path}: request {self.record.id}: {error}", file=sys.stderr)
            self.connections.clear()
            if not self.ended:
                self.respond(502, b"")
        end_ns, end_cpu_ns, voluntary, involuntary = self.ended
        truth.add(self.record, threading.get_native_id(), end_ns, end_cpu_ns - start_cpu_ns, voluntary - usage.ru_nvcsw,
                  involuntary - usage.ru_nivcsw)


class Server(ThreadingHTTPServer):
    request_queue_size = 1024


def stop(*_):
    for _ in range(common.STOP_TRIES):
        if not open_requests:
            break
        time.sleep(0.01)
    truth.write()
    os._exit(0)  # threads that wait for their clients need not be joined


options = common.parser().parse_args()
truth = common.Truth(options.truth)
pool = Pool(options.pool)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
server = Server(("127.0.0.1", options.port), Handler)
common.say_ready(server.server_address[1])
server.serve_forever()
