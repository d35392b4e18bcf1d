# SPDX-License-Identifier: BSD-2-Clause
"""Streams beside requests: event streams, WebSockets, and a long poll; what is done on them, against what the servers log."""
import collections
import pathlib
import socket
import threading
import time

import truth
from lab import Lab, Server, need, read_csv

HERE = pathlib.Path(__file__).parent
EVENT_STREAMS, EVENTS = 3, 20
SOCKETS, MESSAGES = 3, 17
FEEDS, PUBLISHES = 5, 11
PAGES = 40
POLLS, POLL_S = 5, 0.1
POLL_OTHER_MIN = 0.8  # less what the publisher computes, and what it takes to read and answer
PAUSE_S = 0.01
RIGHT_CPU_MIN = 0.98
MESSAGE_COST_MAX = 3  # times what a message costs on the mean
REQUEST_MESSAGES = 2  # so much of that has a request, which is parsed and gets a head
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def ask(connection, method, target, *headers):
    connection.sendall("\r\n".join((f"{method} {target} HTTP/1.1", "Host: here", *headers, "", "")).encode("ascii"))
    return connection.recv(4096)


def read_events(port):
    with connect(port) as connection:
        got = ask(connection, "GET", f"/events?n={EVENTS}")
        while b"0\r\n\r\n" not in got:
            got += connection.recv(4096)
        # The connection is kept: what ended is the stream.
        ask(connection, "GET", "/page")


def talk(port):
    with connect(port) as connection:
        ask(connection, "GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")
        for _ in range(MESSAGES):
            time.sleep(PAUSE_S)
            connection.sendall(b"\x81\x85\0\0\0\0hello")
            assert connection.recv(4096).endswith(b"hello")


def publish(port):
    with connect(port) as connection:
        for _ in range(PUBLISHES):
            time.sleep(PAUSE_S)
            ask(connection, "POST", "/publish", "Content-Length: 0")


def browse(port):
    with connect(port) as connection:
        for _ in range(PAGES):
            time.sleep(PAUSE_S)
            ask(connection, "GET", "/page")


def run_all(*calls):
    threads = [threading.Thread(target=function, args=arguments) for function, *arguments in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Run:
    """streams, endpoints: of -o json, by their path; logged: the server's rows, by kind; requests: told one by one."""

    def __init__(self, lab, server, talk_to_it):
        talk_to_it(server.port)
        with connect(server.port) as connection:
            ask(connection, "GET", "/forget")
        requests = lab.trace("requests", "requests", "-p", server.pid, "-o", "ndjson").attached()
        totals = lab.trace("totals", "-p", server.pid, "-o", "json").attached()
        talk_to_it(server.port)
        time.sleep(0.3)
        for tracer in (requests, totals):
            if tracer.end():
                raise RuntimeError(f"{tracer.name}: {tracer.err()}")
        server.end()
        self.logged = {row["kind"]: row for row in read_csv(server.truth_path)}
        self.totals = totals.json()
        self.requests = requests.json_lines()
        self.process, = self.totals["processes"]
        self.streams = {each["endpoint"].split()[1]: each for each in self.totals["streams"]}
        self.endpoints = {each["endpoint"].split()[1]: each for each in self.totals["endpoints"]}

    def requests_to(self, path):
        return [each for each in self.requests if each["endpoint"].split()[1] == path]


Cpu = collections.namedtuple("Cpu", "kind told_ns burned_ns messages")


def check_cpu(tap, rows):
    """Of each kind what was burned for it and, of each message, what it takes beyond that: reading and writing it, the loop's own turn, a
    timer. That is not logged, and depends on the machine: but it is much the same for all."""
    cost_ns = sum(row.told_ns - row.burned_ns for row in rows) / sum(row.messages for row in rows)
    for row in rows:
        most_ns = row.burned_ns + row.messages * MESSAGE_COST_MAX * cost_ns
        told_ms, burned_ms, most_ms = (ns / truth.NS_PER_MS for ns in (row.told_ns, row.burned_ns, most_ns))
        tap.check(f"/{row.kind}: CPU", burned_ms * RIGHT_CPU_MIN <= told_ms <= most_ms,
                  f"{told_ms:.2f} ms, burned {burned_ms:.2f}, at most {most_ms:.2f}")


def check_stream(tap, run, kind, stream_kind, opened, reads, writes):
    """The end of an event stream's chunks may be a write of its own, or go out with the last event. Its Cpu."""
    stream, logged = run.streams[f"/{kind}"], run.logged[kind]
    tap.equal(f"/{kind}: kind", stream["kind"], stream_kind)
    tap.equal(f"/{kind}: opened, ended, open", (stream["opened"], stream["ended"], stream["open"]), (opened, opened, 0))
    tap.equal(f"/{kind}: reads", stream["reads"], reads)
    tap.check(f"/{kind}: writes", writes <= stream["writes"] <= writes + opened, f"{stream['writes']}, {writes} messages")
    tap.equal(f"/{kind}: the server's log of it", (logged["opened"], logged["reads"], logged["writes"]), (opened, reads, writes))
    tap.check(f"/{kind}: is no endpoint", f"/{kind}" not in run.endpoints, str(list(run.endpoints)))
    return Cpu(kind, stream["cpu_ns"], logged["burned_ns"], opened + reads + writes)


def check_whole(tap, run):
    told_ns, whole_ns = sum(each["cpu_ns"] for each in run.totals["streams"]), run.process["stream_cpu_ns"]
    # What follows a stream's end is nobody's any more.
    tap.check("CPU of the streams is the process's", whole_ns * RIGHT_CPU_MIN <= told_ns <= whole_ns, f"{told_ns} of {whole_ns}")
    tap.equal("CPU that the five parts lack", run.process["cpu_ns"] - truth.cpu_parts_ns(run.process), 0)
    tap.at_most("CPU that nobody claims", run.process["unattributed_cpu_ns"] / run.process["cpu_ns"], 0.02)
    tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.requests), 0)
    tap.equal("ambiguous requests", sum(each["ambiguous"] for each in run.requests), 0)


def streams(program, *command):
    def talk_to_it(port):
        feeds = [connect(port) for _ in range(FEEDS)]
        for each in feeds:
            ask(each, "GET", "/feed")
        run_all(*[(read_events, port)] * EVENT_STREAMS, *[(talk, port)] * SOCKETS, (publish, port), (browse, port))
        for each in feeds:
            each.close()

    def topic(tap):
        need(command[0])
        with Lab() as lab:
            run = Run(lab, lab.keep(Server(lab, program, [*command, HERE / program])), talk_to_it)
            cpu = [check_stream(tap, run, "events", "event-stream", EVENT_STREAMS, 0, EVENT_STREAMS * EVENTS),
                   check_stream(tap, run, "ws", "websocket", SOCKETS, SOCKETS * MESSAGES, SOCKETS * MESSAGES),
                   check_stream(tap, run, "feed", "event-stream", FEEDS, 0, FEEDS * PUBLISHES)]
            requests = (("page", PAGES + EVENT_STREAMS, REQUEST_MESSAGES), ("publish", PUBLISHES, REQUEST_MESSAGES + FEEDS))
            for kind, count, messages in requests:
                tap.equal(f"/{kind}: requests", run.endpoints[f"/{kind}"]["requests"], count)
                told_ns = sum(truth.credited_ns(each) for each in run.requests_to(f"/{kind}"))
                cpu.append(Cpu(kind, told_ns, run.logged[kind]["burned_ns"], count * messages))
            check_cpu(tap, cpu)
            tap.equal("requests that open a stream are told as such", sorted(each["opens"] for each in run.requests if each["opens"]),
                      ["event-stream"] * (EVENT_STREAMS + FEEDS) + ["websocket"] * SOCKETS)
            check_whole(tap, run)
    return topic


def long_poll(program, *command):
    """What it waits for is in no state that has a name, and in no other one's."""
    def talk_to_it(port):
        with connect(port) as waiting, connect(port) as other:
            for _ in range(POLLS):
                waiting.sendall(b"GET /poll HTTP/1.1\r\nHost: here\r\n\r\n")
                time.sleep(POLL_S)
                ask(other, "POST", "/publish", "Content-Length: 0")
                waiting.recv(4096)

    def topic(tap):
        need(command[0])
        with Lab() as lab:
            run = Run(lab, lab.keep(Server(lab, program, [*command, HERE / program])), talk_to_it)
            polls = run.requests_to("/poll")
            tap.equal("requests that poll, and publish", (len(polls), len(run.requests_to("/publish"))), (POLLS, POLLS))
            tap.at_least("wall of the shortest poll", min(each["wall_ns"] for each in polls) / 1e9, POLL_S, " s")
            shares = [each["state_ns"]["other"] / each["wall_ns"] for each in polls]
            tap.at_least("OTHER, of the wall, least", min(shares), POLL_OTHER_MIN)
            tap.equal("streams", run.totals["streams"], [])
            tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.requests), 0)
    return topic


TOPICS = {
    "streams, Node": streams("streams_target.js", "node"),
    "streams, asyncio": streams("streams_target.py", "/usr/bin/python3"),
    "long poll, Node": long_poll("streams_target.js", "node"),
    "long poll, asyncio": long_poll("streams_target.py", "/usr/bin/python3"),
}
