#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""uvicorn, whose requests are served by threads: by asyncio.to_thread, or by FastAPI for a handler that is not async. Only /work."""
import asyncio
import os
import queue
import signal
import socket
import sys
import threading
import time
from urllib.parse import parse_qs

import uvicorn

sys.dont_write_bytecode = True
import python_common as common  # noqa: E402

own = threading.local()
truth_lock = threading.Lock()


def connect(peer):
    connection = socket.create_connection(("127.0.0.1", common.port_of(options, peer)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ask(connection, call_id, hold_us):
    connection.sendall(common.query_of(call_id, hold_us))
    answer = b""
    while not answer.endswith(b"\n"):
        answer += connection.recv(64)


def own_connection(peer):
    """This thread's."""
    connections = own.__dict__.setdefault("connections", {})
    if peer not in connections:
        connections[peer] = connect(peer)
    return connections[peer]


def call(peer, call_id, hold_us):
    if options.calls == "kept":
        ask(own_connection(peer), call_id, hold_us)
        return
    connection = pool.get() or connect("db")
    ask(connection, call_id, hold_us)
    pool.put(connection)


def work(target, request_id):
    query = parse_qs(target.partition("?")[2])
    cpu_us, calls, hold_us = (int(query.get(key, ["0"])[0]) for key in ("cpu", "calls", "hold"))
    request = common.Request(request_id, "/work")
    slice_ms = cpu_us / 1000 / (calls + 1)
    request.burn(slice_ms)
    for i in range(calls):
        call(common.TYPICAL[i % len(common.TYPICAL)], request.next_call_id(), hold_us)
        request.burn(slice_ms)
    with truth_lock:
        truth.add(request, threading.get_native_id(), time.monotonic_ns())
    return common.BODY


def bare():
    async def application(scope, _, send):
        target = scope["path"] + "?" + scope["query_string"].decode()
        request_id = int(dict(scope["headers"]).get(b"x-id", 0))
        body = await asyncio.to_thread(work, target, request_id)
        headers = [(b"content-length", b"%d" % len(body)), (b"x-id", b"%d" % request_id)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


def fastapi():
    from fastapi import FastAPI, Request, Response

    application = FastAPI()

    @application.get("/work")
    def handle(request: Request):
        request_id = int(request.headers.get("X-Id", 0))
        return Response(content=work(str(request.url), request_id), headers={"X-Id": str(request_id)})

    return application


async def main():
    listener = socket.create_server(("127.0.0.1", options.port), backlog=1024)
    config = uvicorn.Config(APPLICATIONS[options.application](), lifespan="off", access_log=False, log_level="warning", backlog=1024)
    web = uvicorn.Server(config)
    web.install_signal_handlers = lambda: None
    serving = asyncio.ensure_future(web.serve(sockets=[listener]))
    while not web.started:
        await asyncio.sleep(0.01)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    common.say_ready(listener.getsockname()[1])
    await stopped.wait()
    web.should_exit = True
    await asyncio.wait([serving], timeout=common.STOP_TRIES * 0.01)
    truth.write()
    os._exit(0)  # threads that wait for work need not be joined


APPLICATIONS = {"bare": bare, "fastapi": fastapi}
parser = common.parser()
parser.add_argument("--application", choices=APPLICATIONS, default="bare")
parser.add_argument("--calls", choices=["kept", "pool"], default="kept", help="connections of a thread's own, or --pool that all share")
options = parser.parse_args()
truth = common.Truth(options.truth)
pool = queue.Queue()
for _ in range(options.pool):
    pool.put(None)
asyncio.run(main())
