#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""uvicorn, with a bare ASGI application or with FastAPI and a middleware of its own; the endpoints of the C samples."""
import asyncio
import os
import socket
import sys

import uvicorn

sys.dont_write_bytecode = True
import python_loop as loop  # noqa: E402


def bare(server):
    async def application(scope, _, send):
        async def send_response(status, body, request_id):
            headers = [(b"content-length", b"%d" % len(body)), (b"x-id", b"%d" % request_id)]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        target = scope["path"] + "?" + scope["query_string"].decode()
        await server.serve(target, int(dict(scope["headers"]).get(b"x-id", 0)), send_response)

    return application


def fastapi(server):
    from fastapi import FastAPI, Request, Response

    application = FastAPI()

    @application.middleware("http")
    async def stamp(request, call_next):
        response = await call_next(request)
        response.headers["X-Served-By"] = "fastapi"
        return response

    @application.get("/{path:path}")
    async def handle(request: Request):
        found = []

        async def keep(status, body, request_id):
            found.append(Response(content=body, status_code=status, headers={"X-Id": str(request_id)}))

        target = request.url.path + "?" + request.url.query
        await server.serve(target, int(request.headers.get("X-Id", 0)), keep)
        return found[0]

    return application


APPLICATIONS = {"bare": bare, "fastapi": fastapi}


async def main(options):
    listener = socket.create_server(("127.0.0.1", options.port), backlog=1024)
    server = loop.Server(options, loop.WAYS[options.calls](options), loop.Pool(options))
    config = uvicorn.Config(APPLICATIONS[options.application](server), lifespan="off", access_log=False, log_level="warning", backlog=1024)
    web = uvicorn.Server(config)
    web.install_signal_handlers = lambda: None  # run_until_stopped has its own
    serving = asyncio.ensure_future(web.serve(sockets=[listener]))
    while not web.started:
        await asyncio.sleep(0.01)
    await server.run_until_stopped(listener.getsockname()[1])
    serving.cancel()
    os._exit(0)  # connections that wait for their clients need not be closed


loop.run(main, application={"choices": APPLICATIONS, "default": "bare"})
