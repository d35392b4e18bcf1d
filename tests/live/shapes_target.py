#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Servers of test_shapes.py: how an answer leaves, and who computes for it.

    shapes_target.py SHAPE --truth FILE       prints READY; on SIGTERM writes id,cpu_burned_ns,cpu_used_ns,head_ns,end_ns a line and ends

A shape is a name of SHAPES. Requests are HTTP/1.1 on kept connections, each with an X-Id; how much one burns follows from that.
"""
import collections
import os
import re
import select
import signal
import socket
import sys
import tempfile
import threading
import time

WORKERS = 5  # connections that test_shapes.py opens
FILE_BYTES = 100_000
BURN_NS = 1_000_000

file = tempfile.TemporaryFile()
file.write(bytes(FILE_BYTES))
file.flush()


def burn_of(number):
    return BURN_NS * (1 + number % 4)


def burn(ns):
    """What it took, by the thread's clock."""
    begin = time.thread_time_ns()
    while time.thread_time_ns() - begin < ns:
        pass
    return time.thread_time_ns() - begin


class Account:
    """What a thread uses, system calls and all, from one taking to the next: each request has one more or less of everything."""

    def __init__(self):
        self.at_ns = time.thread_time_ns()

    def take(self):
        since_ns, self.at_ns = self.at_ns, time.thread_time_ns()
        return self.at_ns - since_ns


def log(number, burned_ns, used_ns, head_ns):
    """Right after the answer's last byte. A line is one write, so processes may share the file."""
    os.write(truth, f"{number},{burned_ns},{used_ns},{head_ns},{time.monotonic_ns()}\n".encode("ascii"))


def head(body_bytes):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {body_bytes}\r\n\r\n".encode("ascii")


def requests(client):
    """The numbers of a connection's requests, until its end."""
    while request := client.recv(4096):
        yield int(re.search(rb"X-Id: (\d+)", request)[1])


# ---- how an answer leaves: its head at once, the body after the computing


def serve_body(client, send_body):
    account = Account()
    for number in requests(client):
        client.sendall(head(FILE_BYTES))
        head_ns = time.monotonic_ns()
        burned_ns = burn(burn_of(number))
        send_body(client)
        log(number, burned_ns, account.take(), head_ns)


def by_sendfile(client):
    at = 0
    while at < FILE_BYTES:
        at += os.sendfile(client.fileno(), file.fileno(), at, FILE_BYTES - at)


def by_splice(client):
    """By way of a pipe, as proxies do."""
    theirs, ours = os.pipe()
    at = 0
    while at < FILE_BYTES:
        waiting = os.splice(file.fileno(), ours, FILE_BYTES - at, offset_src=at)
        at += waiting
        while waiting:
            waiting -= os.splice(theirs, client.fileno(), waiting)
    os.close(theirs)
    os.close(ours)


# ---- whom it tells: somebody who never answers


def serve_counted(client, statsd):
    account = Account()
    for number in requests(client):
        statsd.send(b"requests:1|c")
        answer(client, number, account)


# ---- who computes: another process


def answer(client, number, account, used_ns=0):
    burned_ns = burn(burn_of(number))
    client.sendall(head(2) + b"ok")
    log(number, burned_ns, used_ns + account.take(), time.monotonic_ns())


def work_as_heir(pair):
    """Forked: takes over whole connections."""
    account = Account()
    while True:
        _, fds, _, _ = socket.recv_fds(pair, 1, 1)
        if not fds:
            return
        with socket.socket(fileno=fds[0]) as client:
            for number in requests(client):
                answer(client, number, account)


NUMBER_BYTES = 16
MESSAGE_BYTES = 2 * NUMBER_BYTES


def send_numbers(pair, first, second):
    pair.sendall(b"%*d%*d" % (NUMBER_BYTES, first, NUMBER_BYTES, second))


def receive_numbers(pair):
    """None at the end."""
    message = pair.recv(MESSAGE_BYTES, socket.MSG_WAITALL)
    return message and (int(message[:NUMBER_BYTES]), int(message[NUMBER_BYTES:]))


def work_for_server(pair):
    """Forked: is told a request's number and what was used for it, computes, and answers with what it burned and what was used by then."""
    account = Account()
    while asked := receive_numbers(pair):
        number, used_ns = asked
        burned_ns = burn(burn_of(number))
        send_numbers(pair, burned_ns, used_ns + account.take())


def log_answer(client, number, pair, account):
    burned_ns, used_ns = receive_numbers(pair)
    client.sendall(head(2) + b"ok")
    log(number, burned_ns, used_ns + account.take(), time.monotonic_ns())


def serve_by_worker(client, pair):
    account = Account()
    for number in requests(client):
        send_numbers(pair, number, account.take())
        log_answer(client, number, pair, account)


def serve_by_worker_in_turn(poller, clients, pair):
    """One loop, one worker: what is asked while it computes waits in the socketpair, and the answers come in that order."""
    account, asked = Account(), collections.deque()
    while True:
        for fd, _ in poller.poll():
            if fd == pair.fileno():
                log_answer(*asked.popleft(), pair, account)
            elif request := clients[fd].recv(4096):
                asked.append((clients[fd], int(re.search(rb"X-Id: (\d+)", request)[1])))
                send_numbers(pair, asked[-1][1], account.take())
            else:
                poller.unregister(fd)


def bequeath(client, pair):
    socket.send_fds(pair, [b"c"], [client.fileno()])
    client.close()


def fork_workers(work, count=WORKERS):
    """A socketpair to each."""
    pairs = []
    for _ in range(count):
        ours, theirs = socket.socketpair()
        if not os.fork():
            ours.close()
            for pair in pairs:
                pair.close()
            work(theirs)
            os._exit(0)
        theirs.close()
        pairs.append(ours)
    return pairs


def with_threads(send_body):
    return lambda client, _: threading.Thread(target=serve_body, args=(client, send_body), daemon=True).start()


def with_statsd():
    """One socket for all. The other one stays open, and unread."""
    unread = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    unread.bind(("127.0.0.1", 0))
    statsd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    statsd.connect(unread.getsockname())
    return lambda client, _, unread=unread: threading.Thread(target=serve_counted, args=(client, statsd), daemon=True).start()


def with_heirs():
    pairs = fork_workers(work_as_heir)
    return lambda client, i: bequeath(client, pairs[i % WORKERS])


def with_worker_processes():
    pairs = fork_workers(work_for_server)
    return lambda client, i: threading.Thread(target=serve_by_worker, args=(client, pairs[i % WORKERS]), daemon=True).start()


def with_one_worker_process():
    pair, = fork_workers(work_for_server, 1)
    poller, clients = select.epoll(), {}
    poller.register(pair, select.EPOLLIN)
    threading.Thread(target=serve_by_worker_in_turn, args=(poller, clients, pair), daemon=True).start()

    def take_client(client, _):
        clients[client.fileno()] = client
        poller.register(client, select.EPOLLIN)
    return take_client


def with_worker_thread(make_wakers):
    """A loop reads requests and queues them; a thread takes them, woken by what is written for each, and answers."""
    wake, await_wake = make_wakers()
    poller, clients, queue = select.epoll(), {}, collections.deque()

    def work():
        account = Account()
        while True:
            await_wake()
            client, number, used_ns = queue.popleft()
            answer(client, number, account, used_ns)

    def read_requests():
        account = Account()
        while True:
            for fd, _ in poller.poll():
                if request := clients[fd].recv(4096):
                    queue.append((clients[fd], int(re.search(rb"X-Id: (\d+)", request)[1]), account.take()))
                    wake()
                else:
                    poller.unregister(fd)

    def take_client(client, _):
        clients[client.fileno()] = client
        poller.register(client, select.EPOLLIN)
    for function in (work, read_requests):
        threading.Thread(target=function, daemon=True).start()
    return take_client


def by_pipe():
    ours, theirs = os.pipe()
    return lambda: os.write(theirs, b"w"), lambda: os.read(ours, 1)


def by_eventfd():
    fd = os.eventfd(0, os.EFD_SEMAPHORE)
    return lambda: os.eventfd_write(fd, 1), lambda: os.eventfd_read(fd)


# What starts the workers, and gives back what is done with the i-th connection.
SHAPES = {
    "sendfile": lambda: with_threads(by_sendfile),
    "splice": lambda: with_threads(by_splice),
    "statsd": with_statsd,
    "heir": with_heirs,
    "workers": with_worker_processes,
    "one worker": with_one_worker_process,
    "pipe": lambda: with_worker_thread(by_pipe),
    "eventfd": lambda: with_worker_thread(by_eventfd),
}

truth = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
os.write(truth, b"id,cpu_burned_ns,cpu_used_ns,head_ns,end_ns\n")
take = SHAPES[sys.argv[1]]()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
kept = []
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(f"READY port={listener.getsockname()[1]} pid={os.getpid()}", flush=True)
    while True:
        kept.append(listener.accept()[0])
        take(kept[-1], len(kept) - 1)
