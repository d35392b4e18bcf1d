#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Server of test_uploads.py: reads a request's body, computes, and answers; on a thread a connection, or on an event loop.

    upload_target.py threads|loop --truth FILE      prints READY; on SIGTERM ends; logs first_ns,whole_ns,end_ns of each request:
                                                    its first bytes read, the last byte of its body read, answered
"""
import os
import re
import select
import signal
import socket
import sys
import threading
import time

BURN_NS = 2_000_000
RECEIVE_BYTES = 65536


class Upload:
    """One connection's request that is being read."""

    def __init__(self, client):
        self.client, self.first_ns, self.got, self.left = client, 0, b"", -1

    def receive(self):
        """False: the connection has ended."""
        part = self.client.recv(RECEIVE_BYTES)
        if not part:
            return False
        self.first_ns = self.first_ns or time.monotonic_ns()
        if self.left < 0:
            self.got += part
            head, end, part = self.got.partition(b"\r\n\r\n")
            if not end:
                return True
            self.left = int(re.search(rb"Content-Length: (\d+)", head)[1])
        self.left -= len(part)
        if not self.left:
            self.answer()
        return True

    def answer(self):
        whole_ns, begin = time.monotonic_ns(), time.thread_time_ns()
        while time.thread_time_ns() - begin < BURN_NS:
            pass
        self.client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        os.write(truth, f"{self.first_ns},{whole_ns},{time.monotonic_ns()}\n".encode("ascii"))
        self.__init__(self.client)


def serve_on_thread(client):
    upload = Upload(client)
    while upload.receive():
        pass


def with_threads(client):
    threading.Thread(target=serve_on_thread, args=(client,), daemon=True).start()


def with_loop():
    poller, uploads = select.epoll(), {}

    def run():
        while True:
            for fd, _ in poller.poll():
                if not uploads[fd].receive():
                    poller.unregister(fd)

    def take(client):
        uploads[client.fileno()] = Upload(client)
        poller.register(client, select.EPOLLIN)
    threading.Thread(target=run, daemon=True).start()
    return take


truth = os.open(sys.argv[-1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
os.write(truth, b"first_ns,whole_ns,end_ns\n")
take_client = {"threads": lambda: with_threads, "loop": with_loop}[sys.argv[1]]()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"READY port={listener.getsockname()[1]} pid={os.getpid()}", flush=True)
    kept = []
    while True:
        kept.append(listener.accept()[0])
        take_client(kept[-1])
