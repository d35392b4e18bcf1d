#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Servers of test_greeting.py: one that speaks first, as SMTP's do, and one that calls it.

    greeting_target.py greeter --truth FILE              greets after a while, then answers lines; logs start_ns,end_ns of each line
    greeting_target.py mailer PORT --truth FILE          HTTP; each request asks the greeter at PORT over a connection of its own; logs
                                                         id,net_ns: from connecting to the greeting, and from the question to its answer
Each prints READY, and ends on SIGTERM.
"""
import os
import re
import signal
import socket
import sys
import threading
import time

GREETING_DELAY_S = 0.02
BURN_NS = 1_000_000
HEADERS = {"greeter": "start_ns,end_ns", "mailer": "id,net_ns"}


def burn():
    begin = time.thread_time_ns()
    while time.thread_time_ns() - begin < BURN_NS:
        pass


def log(*figures):
    os.write(truth, (",".join(map(str, figures)) + "\n").encode("ascii"))


def greet(client):
    time.sleep(GREETING_DELAY_S)
    client.sendall(b"220 ready\r\n")
    while client.recv(4096):
        start_ns = time.monotonic_ns()
        burn()
        client.sendall(b"250 ok\r\n")
        log(start_ns, time.monotonic_ns())


def mail(client):
    while request := client.recv(4096):
        begin_ns = time.monotonic_ns()
        with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as greeter:
            greeter.recv(4096)
            greeted_ns = time.monotonic_ns()
            burn()
            asked_ns = time.monotonic_ns()
            greeter.sendall(b"HELO here\r\n")
            greeter.recv(4096)
            answered_ns = time.monotonic_ns()
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        log(int(re.search(rb"X-Id: (\d+)", request)[1]), greeted_ns - begin_ns + answered_ns - asked_ns)


role = sys.argv[1]
truth = os.open(sys.argv[-1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
os.write(truth, f"{HEADERS[role]}\n".encode("ascii"))
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"READY port={listener.getsockname()[1]} pid={os.getpid()}", flush=True)
    while True:
        threading.Thread(target=greet if role == "greeter" else mail, args=(listener.accept()[0],), daemon=True).start()
