#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Targets of test_targets.py: each prints READY, does the one odd thing that it is named for, and ends when its standard input does."""
import os
import select
import socket
import sys
import tempfile
import threading

FILE_BYTES, ASKED_BYTES = 10_000, 4_000_000
SHUTDOWNS = 7
REPLACED = 17
SHARERS = 2


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


def shutdown():
    """Shuts each connection down in both directions before it closes it, and writes to a named pipe."""
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pipe")
        os.mkfifo(path)
        pipe = os.open(path, os.O_RDWR)
        print(f"READY port={listener.getsockname()[1]} pid={os.getpid()} inode={os.fstat(pipe).st_ino}", flush=True)
        for _ in range(SHUTDOWNS):
            with listener.accept()[0] as client:
                client.recv(4096)
                os.write(pipe, b".")
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                client.shutdown(socket.SHUT_RDWR)


def replaced():
    """While a read waits, its fd becomes another file. Then the next connection comes."""
    with socket.create_server(("127.0.0.1", 0)) as listener, open(os.devnull, "rb") as null:
        print(f"READY port={listener.getsockname()[1]} pid={os.getpid()}", flush=True)
        for _ in range(REPLACED):
            fd = listener.accept()[0].detach()
            replacing = threading.Timer(0.01, os.dup2, (null.fileno(), fd))
            replacing.start()
            os.read(fd, 4096)
            replacing.join()
            os.close(fd)
            with listener.accept()[0] as client:
                client.recv(4096)


def selects():
    """Waits for everything in select, and says at its end how often that returned."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"READY port={listener.getsockname()[1]} pid={os.getpid()}", flush=True)
        open_files, returns = [sys.stdin, listener], 0
        while sys.stdin in open_files:
            ready, _, _ = select.select(open_files, [], [])
            returns += 1
            for file in ready:
                if file is listener:
                    open_files.append(listener.accept()[0])
                elif file is not sys.stdin and file.recv(4096):
                    file.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                else:
                    open_files.remove(file)
    print(f"DONE returns={returns}", flush=True)


def shared():
    """Two requests at a time ask the downstream at the address, on one connection, the second before the first is answered."""
    with socket.create_connection((sys.argv[2], int(sys.argv[3]))) as downstream, socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"READY port={listener.getsockname()[1]} pid={os.getpid()}", flush=True)
        clients = [listener.accept()[0] for _ in range(SHARERS)]
        while True:
            for client in clients:
                request = client.recv(4096)
                if not request:
                    return
                downstream.sendall(b"ask " + request.split()[1][1:] + b"\n")
            answers = b""
            while answers.count(b"\n") < SHARERS:
                answers += downstream.recv(4096)
            for client in clients:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


{"zombie": zombie, "sendfile": sendfile, "shutdown": shutdown, "replaced": replaced, "selects": selects,
 "shared": shared}[sys.argv[1]]()
sys.stdin.read()
