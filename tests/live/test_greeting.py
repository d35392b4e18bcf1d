# SPDX-License-Identifier: BSD-2-Clause
"""Servers that speak first: what they say answers nobody."""
import pathlib
import socket
import statistics
import time

import test_models as models
import truth
from lab import Lab, Server, read_csv, unix_offset_ns
from traced_run import Run

TARGET = pathlib.Path(__file__).with_name("greeting_target.py")
PYTHON = "/usr/bin/python3"
GREETING_DELAY_MS = 20
CONNECTIONS = 11
REQUESTS = 23
THINK_S = 0.03
TIME_ERROR_MAX_MS = 0.5  # median


def start(lab, role, *arguments):
    return lab.keep(Server(lab, role, [PYTHON, TARGET, role, *arguments]))


def talk(port):
    """When each line was sent."""
    sent_ns = []
    for _ in range(CONNECTIONS):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.recv(4096)
            for line in (b"HELO here\r\n", b"QUIT\r\n"):
                time.sleep(THINK_S)
                sent_ns.append(time.monotonic_ns())
                connection.sendall(line)
                connection.recv(4096)
    return sent_ns


def greeter(tap):
    with Lab() as lab:
        server = start(lab, "greeter")
        requests = lab.trace("requests", "requests", "-p", server.pid, "-o", "ndjson").attached()
        totals = lab.trace("totals", "-p", server.pid, "-o", "json").attached()
        sent_ns = talk(server.port)
        offset_ns = unix_offset_ns()
        tap.equal("the tracers end well", [requests.end(), totals.end()], [0, 0])
        told = sorted(requests.json_lines(), key=lambda each: each["start_unix_ns"])
        logged = read_csv(server.truth_path)
        tap.equal("requests: the client's lines", len(told), 2 * CONNECTIONS)
        begin_ms = [abs(each["start_unix_ns"] - offset_ns - ns) / truth.NS_PER_MS for each, ns in zip(told, sent_ns)]
        end_ms = [abs(each["start_unix_ns"] - offset_ns + each["wall_ns"] - row["end_ns"]) / truth.NS_PER_MS
                  for each, row in zip(told, logged)]
        tap.at_most("they begin when they were sent, median error", statistics.median(begin_ms), TIME_ERROR_MAX_MS, " ms")
        tap.at_most("they end when they were answered, median error", statistics.median(end_ms), TIME_ERROR_MAX_MS, " ms")
        process, = totals.json()["processes"]
        tap.at_most("CPU that nobody claims", process["unattributed_cpu_ns"] / process["cpu_ns"], 0.02)


def error_ms(pair, told_ns):
    """What the mailer logged ends when it runs again: its waits for a core are in there too."""
    excess_ns = told_ns - pair.truth["net_ns"]
    return max(excess_ns, -excess_ns - pair.traced["state_ns"]["ready"], 0) / truth.NS_PER_MS


def mailer(tap):
    with Lab() as lab:
        mail_server = start(lab, "greeter")
        server = start(lab, "mailer", mail_server.port)
        run = Run(lab, server, None, {"requests": REQUESTS, "connections": 1, "path": "/mail?id=#"})
        tap.equal("requests told", len(run.pairs), REQUESTS)
        tap.equal("calls of each", {len(pair.traced["calls"]) for pair in run.pairs}, {1})
        peer = f"127.0.0.1:{mail_server.port}"
        tap.equal("whom they called", {call["peer"] for pair in run.pairs for call in pair.traced["calls"]}, {peer})
        nets_ns = [pair.traced["state_ns"]["net"] for pair in run.pairs]
        calls_ns = [pair.traced["calls"][0]["net_ns"] for pair in run.pairs]
        for name, told_ns in (("NET", nets_ns), ("the call with its connecting", calls_ns)):
            errors = [error_ms(pair, ns) for pair, ns in zip(run.pairs, told_ns)]
            tap.at_most(f"{name} against the log, median error", statistics.median(errors), TIME_ERROR_MAX_MS, " ms")
        tap.at_least("NET, with the greeting", truth.mean_ms(run.pairs, "net"), GREETING_DELAY_MS, " ms")
        models.check_conservation(tap, run)
        tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)


TOPICS = {
    "a server that speaks first": greeter,
    "a downstream that speaks first": mailer,
}
