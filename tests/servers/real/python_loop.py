# SPDX-License-Identifier: BSD-2-Clause
"""What Python's event-loop samples share: the endpoints, and the ways to the downstream. A server calls serve() for each request."""
import asyncio
import signal
import sys
import time
from urllib.parse import parse_qs, urlsplit

import python_common as common
from python_common import BODY, TYPICAL


# ---- ways to the downstream: each has call(peer, call_id, hold_us)


async def connect(options, peer):
    return await asyncio.open_connection("127.0.0.1", common.port_of(options, peer))


async def ask(connection, call_id, hold_us):
    reader, writer = connection
    writer.write(common.query_of(call_id, hold_us))
    if not await reader.readline():
        raise ConnectionError("downstream closed the connection")


class NewConnections:
    """A connection per call."""

    def __init__(self, options):
        self.options = options

    async def call(self, peer, call_id, hold_us):
        connection = await connect(self.options, peer)
        try:
            await ask(connection, call_id, hold_us)
        finally:
            connection[1].close()


class KeptConnections:
    """As many as are needed at once; none is ever shared by two calls in flight."""

    def __init__(self, options):
        self.options, self.idle = options, {}

    async def call(self, peer, call_id, hold_us):
        idle = self.idle.setdefault(peer, [])
        connection = idle.pop() if idle else await connect(self.options, peer)
        await ask(connection, call_id, hold_us)
        idle.append(connection)


class Pool:
    """At most so many connections, all to the database; who finds none free waits in line."""

    def __init__(self, options):
        self.options, self.places = options, asyncio.LifoQueue()
        for _ in range(options.pool):
            self.places.put_nowait(None)

    async def call(self, _, call_id, hold_us):
        connection = await self.places.get()
        try:
            connection = connection or await connect(self.options, "db")
            await ask(connection, call_id, hold_us)
        except OSError:
            connection = None
            raise
        finally:
            self.places.put_nowait(connection)


class Multiplexed:
    """One connection for all, to the database; a task reads the answers, "R <id> ok", in any order, and wakes those who wait."""

    def __init__(self, options):
        self.options, self.waiting, self.opening = options, {}, None

    async def open(self):
        reader, writer = await connect(self.options, "db")
        self.reading = asyncio.create_task(self.hand_out(reader))
        return writer

    async def hand_out(self, reader):
        while line := await reader.readline():
            self.waiting.pop(int(line.split()[1])).set_result(None)
        for each in self.waiting.values():
            each.set_exception(ConnectionError("downstream closed the connection"))

    async def call(self, _, call_id, hold_us):
        self.opening = self.opening or asyncio.create_task(self.open())
        writer = await self.opening
        self.waiting[call_id] = answered = asyncio.get_running_loop().create_future()
        writer.write(common.query_of(call_id, hold_us))
        await answered


WAYS = {"new": NewConnections, "kept": KeptConnections, "pool": Pool, "mux": Multiplexed}


# ---- the endpoints


class Server:
    """Carries out requests; `way` is how /work, /typical and the like call, `pool` how /pool does."""

    def __init__(self, options, way, pool):
        self.options, self.way, self.pool = options, way, pool
        self.truth, self.open_requests = common.Truth(options.truth), 0

    def call(self, request, peer, hold_ms=50.0, way=None):
        return (way or self.way).call(peer, request.next_call_id(), int(hold_ms * 1000))

    async def json(self, request, respond, _):
        await respond()

    async def typical(self, request, respond, _):
        for peer in TYPICAL:
            await self.call(request, peer)
        request.burn(10)
        await respond()

    async def parallel(self, request, respond, _):
        await asyncio.gather(*(self.call(request, peer) for peer in TYPICAL))
        request.burn(10)
        await respond()

    async def cpu(self, request, respond, _):
        request.burn(100)
        await respond()

    async def sleep(self, request, respond, _):
        await asyncio.sleep(0.03)
        await respond()

    async def pooled(self, request, respond, _):
        await self.call(request, "db", 20, self.pool)
        await respond()

    async def fire(self, request, respond, _):
        await respond()
        request.burn(5)
        await self.call(request, "db")

    async def slow_client(self, request, respond, _):
        await respond(200, BODY * ((8 << 20) // len(BODY)))

    async def work(self, request, respond, query):
        cpu_us, calls, hold_us = (int(query.get(key, ["0"])[0]) for key in ("cpu", "calls", "hold"))
        slice_ms = cpu_us / 1000 / (calls + 1)
        request.burn(slice_ms)
        for i in range(calls):
            await self.call(request, TYPICAL[i % len(TYPICAL)], hold_us / 1000)
            request.burn(slice_ms)
        await respond()

    endpoints = {
        "/json": json,
        "/typical": typical,
        "/parallel": parallel,
        "/cpu": cpu,
        "/block": cpu,
        "/sleep": sleep,
        "/pool": pooled,
        "/fire": fire,
        "/work": work,
        "/slow-client": slow_client,
    }

    async def serve(self, target, request_id, send):
        """`send(status, body, request_id)` sends the response; what comes after it is still the request's."""
        url = urlsplit(target)
        request = common.Request(request_id, url.path)
        endpoint = Server.json if url.path.startswith("/users/") else self.endpoints.get(url.path)
        ended_ns = 0

        async def respond(status=200, body=BODY):
            nonlocal ended_ns
            await send(status, body, request_id)
            ended_ns = time.monotonic_ns()

        self.open_requests += 1
        try:
            if endpoint:
                await endpoint(self, request, respond, parse_qs(url.query))
            else:
                await respond(404, b"")
        except OSError as error:
            print(f"{url.path}: request {request_id}: {error}", file=sys.stderr)
            if not ended_ns:
                await respond(502, b"")
        finally:
            self.open_requests -= 1
            self.truth.add(request, 0, ended_ns)

    async def run_until_stopped(self, port):
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        common.say_ready(port)
        await stopped.wait()
        for _ in range(common.STOP_TRIES):
            if not self.open_requests:
                break
            await asyncio.sleep(0.01)
        self.truth.write()


def run(main, **more):
    """more: options of one server's own, as add_argument takes them."""
    parser = common.parser()
    for name, how in more.items():
        parser.add_argument(f"--{name}", **how)
    parser.add_argument("--calls", choices=WAYS, default="new", help="a connection per call, kept ones, --pool N, or one for all")
    parser.add_argument("--uvloop", action="store_true", help="uvloop's event loop rather than asyncio's own")
    options = parser.parse_args()
    if options.uvloop:
        import uvloop
        uvloop.install()
    asyncio.run(main(options))
