#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""aiohttp's server and client: downstream calls are HTTP requests, over connections that the client's connector looks after."""
import os
import sys

from aiohttp import ClientError, ClientSession, TCPConnector, web

sys.dont_write_bytecode = True
import python_common as common  # noqa: E402
import python_loop as loop  # noqa: E402

UNLIMITED = 0


class Client:
    def __init__(self, options, limit=UNLIMITED, force_close=False):
        self.options = options
        self.session = ClientSession(connector=TCPConnector(limit=limit, force_close=force_close))

    async def call(self, peer, call_id, hold_us):
        url = f"http://127.0.0.1:{common.port_of(self.options, peer)}/{call_id}/{hold_us}"
        try:
            async with self.session.get(url) as response:
                await response.read()
        except ClientError as error:
            raise OSError(str(error)) from error


CLIENTS = {
    "new": lambda options: Client(options, force_close=True),
    "kept": Client,
    "pool": lambda options: Client(options, limit=options.pool),
}


async def main(options):
    server = loop.Server(options, CLIENTS[options.calls](options), CLIENTS["pool"](options))

    async def handle(message):
        async def send(status, body, request_id):
            response = web.Response(status=status, body=body, headers={"X-Id": str(request_id)})
            await response.prepare(message)
            await response.write_eof()
            responses.append(response)

        responses = []
        await server.serve(message.raw_path, int(message.headers.get("X-Id", 0)), send)
        return responses[0]

    runner = web.AppRunner(web.Application(), access_log=None)
    runner.app.router.add_get("/{path:.*}", handle)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", options.port, backlog=1024)
    await site.start()
    await server.run_until_stopped(runner.addresses[0][1])
    os._exit(0)  # connections that wait for their clients need not be closed


loop.run(main)
