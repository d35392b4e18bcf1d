#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP/1.1 server on asyncio's streams: one thread, a task per connection; the endpoints of the C samples."""
import asyncio
import os
import re
import sys

sys.dont_write_bytecode = True
import python_loop as loop  # noqa: E402

ID = re.compile(rb"\r\nX-Id: *(\d+)", re.IGNORECASE)


async def serve_connection(server, reader, writer):
    async def send(status, body, request_id):
        writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\nX-Id: %d\r\n\r\n%b" % (status, len(body), request_id, body))
        await writer.drain()

    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = ID.search(head)
            await server.serve(head.split(b" ", 2)[1].decode(), int(found.group(1)) if found else 0, send)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has gone
    finally:
        writer.close()


async def main(options):
    server = loop.Server(options, loop.WAYS[options.calls](options), loop.Pool(options))
    listener = await asyncio.start_server(lambda *streams: serve_connection(server, *streams), "127.0.0.1", options.port, backlog=1024)
    await server.run_until_stopped(listener.sockets[0].getsockname()[1])
    os._exit(0)  # connections that wait for their clients need not be closed


loop.run(main)
