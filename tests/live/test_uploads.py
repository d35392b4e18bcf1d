# SPDX-License-Identifier: BSD-2-Clause
"""A large body from a slow client: the server waits for the client, and for nobody else."""
import pathlib
import socket
import statistics
import time

import truth
from lab import Lab, Server, read_csv, unix_offset_ns

TARGET = pathlib.Path(__file__).with_name("upload_target.py")
PYTHON = "/usr/bin/python3"
UPLOADS, PARTS, PAUSE_S = 5, 20, 0.01
PART_BYTES = 100_000
TIME_ERROR_MAX_MS = 0.5
CLIENT_SHARE_MIN = 0.9  # of the time to the body's last byte; reading 2 MB takes the rest


def upload(port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(UPLOADS):
            connection.sendall(f"POST /upload HTTP/1.1\r\nHost: here\r\nContent-Length: {PARTS * PART_BYTES}\r\n\r\n".encode("ascii"))
            for _ in range(PARTS):
                time.sleep(PAUSE_S)
                connection.sendall(bytes(PART_BYTES))
            connection.recv(4096)


def slow_upload(model):
    def topic(tap):
        with Lab() as lab:
            server = lab.keep(Server(lab, model, [PYTHON, TARGET, model]))
            requests = lab.trace("requests", "requests", "-p", server.pid, "-o", "ndjson").attached()
            totals = lab.trace("totals", "-p", server.pid, "-o", "json").attached()
            upload(server.port)
            offset_ns = unix_offset_ns()
            tap.equal("the tracers end well", [requests.end(), totals.end()], [0, 0])
            told = sorted(requests.json_lines(), key=lambda each: each["start_unix_ns"])
            logged = read_csv(server.truth_path)
            tap.equal("requests", (len(told), len(logged)), (UPLOADS, UPLOADS))
            ends_ms = [abs(each["start_unix_ns"] - offset_ns + each["wall_ns"] - row["end_ns"]) / truth.NS_PER_MS
                       for each, row in zip(told, logged)]
            tap.at_most("they end when they were answered, median error", statistics.median(ends_ms), TIME_ERROR_MAX_MS, " ms")
            shares = [each["state_ns"]["client"] / (row["whole_ns"] - row["first_ns"]) for each, row in zip(told, logged)]
            tap.at_least("CLIENT, of the time from the first byte to the body's last, least", min(shares), CLIENT_SHARE_MIN)
            tap.at_most("the same, most", max(shares), 1.01)
            tap.equal("NET", sum(each["state_ns"]["net"] for each in told), 0)
            tap.equal("calls", sum(len(each["calls"]) for each in told), 0)
            tap.equal("verdict", totals.json()["endpoints"][0]["verdict"], "client-bound")
            tap.equal("requests whose states do not sum to the wall", truth.open_sums(told), 0)
    return topic


TOPICS = {
    "a slow upload, threads": slow_upload("threads"),
    "a slow upload, loop": slow_upload("loop"),
}
