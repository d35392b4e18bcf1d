#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Server of test_streams.py on asyncio's streams: the same as streams_target.js, HTTP and WebSocket by hand.

    streams_target.py --truth FILE     prints READY; on SIGTERM writes kind,opened,reads,writes,burned_ns of what it did, and ends
"""
import asyncio
import base64
import collections
import hashlib
import os
import signal
import sys
import time
from urllib.parse import parse_qs, urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
EVENT_MS, MESSAGE_MS, PUBLISH_MS, PAGE_MS = 4, 5, 6, 4
PERIOD_S = 0.015
COUNTERS = ("opened", "reads", "writes", "burned_ns")
EVENTS_HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

truth = collections.defaultdict(collections.Counter)
feeds = set()
polls = []


def compute(kind, ms):
    begin = time.thread_time_ns()
    while time.thread_time_ns() - begin < ms * 1_000_000:
        pass
    truth[kind]["burned_ns"] += time.thread_time_ns() - begin


def answer(writer, body):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def send_event(writer, kind, text):
    event = b"data: %s\n\n" % text
    writer.write(b"%x\r\n%s\r\n" % (len(event), event))
    truth[kind]["writes"] += 1


def begin_events(writer, kind):
    writer.write(EVENTS_HEAD)
    truth[kind]["opened"] += 1


async def events(reader, writer, query):
    begin_events(writer, "events")
    for _ in range(int(query["n"][0])):
        await asyncio.sleep(PERIOD_S)
        compute("events", EVENT_MS)
        send_event(writer, "events", b"tick")
    writer.write(b"0\r\n\r\n")


async def feed(reader, writer, query):
    begin_events(writer, "feed")
    feeds.add(writer)
    try:
        await reader.read(1)  # its end
    finally:
        feeds.discard(writer)


async def publish(reader, writer, query):
    compute("publish", PUBLISH_MS)
    for each in feeds:
        send_event(each, "feed", b"news")
    for each in polls:
        answer(each, b"news")
    polls.clear()
    answer(writer, b"ok")


async def page(reader, writer, query):
    compute("page", PAGE_MS)
    answer(writer, b"ok")


async def poll(reader, writer, query):
    polls.append(writer)


async def websocket(reader, writer, head):
    key = next(line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    head = (b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Accept: " + accept)
    writer.write(b"\r\n".join((*head, b"", b"")))
    truth["ws"]["opened"] += 1
    while frame := await reader.read(200):
        truth["ws"]["reads"] += 1
        compute("ws", MESSAGE_MS)
        length, mask = frame[1] & 127, frame[2:6]
        writer.write(bytes((0x81, length)) + bytes(byte ^ mask[i % 4] for i, byte in enumerate(frame[6:6 + length])))
        truth["ws"]["writes"] += 1


async def forget(reader, writer, query):
    truth.clear()
    answer(writer, b"ok")


HANDLERS = {"/events": events, "/feed": feed, "/publish": publish, "/page": page, "/poll": poll, "/forget": forget}


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = urlsplit(head.split()[1].decode("ascii"))
            if target.path == "/ws":
                await websocket(reader, writer, head)
                break
            await HANDLERS[target.path](reader, writer, parse_qs(target.query))
    except (asyncio.IncompleteReadError, ConnectionResetError):
        pass
    writer.close()


def finish():
    with open(sys.argv[2], "w", encoding="ascii") as file:
        print("kind", *COUNTERS, sep=",", file=file)
        for kind, row in truth.items():
            print(kind, *(row[name] for name in COUNTERS), sep=",", file=file)
    os._exit(0)


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, finish)
    print(f"READY port={server.sockets[0].getsockname()[1]} pid={os.getpid()}", flush=True)
    await server.serve_forever()


asyncio.run(main())
