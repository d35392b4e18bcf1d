#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Targets of test_targets.py: each prints READY, does the one odd thing that it is named for, and ends when its standard input does."""
import os
import socket
import sys
import tempfile

FILE_BYTES, ASKED_BYTES = 10_000, 4_000_000


def zombie():
    """A child that has ended and that nobody waits for."""
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    print(f"READY pid={os.getpid()}", flush=True)


def sendfile():
    """Answers each request with a file, of which it asks for more than there is."""
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryFile() as file:
        file.write(bytes(FILE_BYTES))
        file.flush()
        print(f"READY port={listener.getsockname()[1]} pid={os.getpid()}", flush=True)
        with listener.accept()[0] as client:
            while client.recv(4096):
                client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {FILE_BYTES}\r\n\r\n".encode("ascii"))
                os.sendfile(client.fileno(), file.fileno(), 0, ASKED_BYTES)


{"zombie": zombie, "sendfile": sendfile}[sys.argv[1]]()
sys.stdin.read()
