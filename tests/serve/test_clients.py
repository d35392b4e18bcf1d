# SPDX-License-Identifier: BSD-2-Clause
"""Clients that the exporter must answer all the same, or must not be hurt by."""
import concurrent.futures
import contextlib
import os
import socket
import threading
import time

from exporter import Exporter, ask, many_paths
from lab import Lab

SCRAPERS = 100
LARGE = 1000  # endpoints: a page of 3 MB, which no socket buffer takes at once
IDLE_SECONDS = 10  # after which the exporter cuts off who neither sends nor takes anything
PLACES = 128  # connections at once
SCRAPE_TIMEOUT_SECONDS = 10  # Prometheus's default
LOAD_SECONDS = 6


def say(port, text, seconds=5):
    """What comes back for these bytes until the other side closes, or says nothing more."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        answer = b""
        with contextlib.suppress(OSError):
            client.sendall(text)
            while more := client.recv(65536):
                answer += more
                client.settimeout(0.5)
        return answer


def status_of(answer):
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None


def bad_requests(tap):
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        exporter = Exporter(lab, "-p", server.pid)
        exporter.await_figures(lambda _: True, "figures")
        get = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
        rows = [
            ("an unknown path", b"GET /metric HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            ("a path that climbs", b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404),
            ("POST", b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b", 405),
            ("DELETE", b"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
            ("an invented method", b"BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
            ("a question with a body", get + b"Content-Length: 3\r\n\r\nabc", 413),
            ("a giant header", get + b"X: " + b"x" * 100000 + b"\r\n\r\n", 431),
            ("many headers", get + b"X: y\r\n" * 20000 + b"\r\n", 431),
            ("a giant path", b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        ]
        for name, text, status in rows:
            tap.equal(name, status_of(say(exporter.port, text)), status)
        tap.check("405 says what is allowed", b"Allow: GET, HEAD" in say(exporter.port, b"PUT / HTTP/1.1\r\nHost: x\r\n\r\n"))
        for name, text in (("noise", os.urandom(4096)), ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
                           ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ("a size that is none", get + b"Content-Length: x\r\n\r\n")):
            status = status_of(say(exporter.port, text, 1.5))
            tap.check(f"{name} is refused, or left without an answer", status is None or 400 <= status <= 505, f"{status}")
        tap.equal("it still answers", exporter.get("/healthz")[0], 200)
        tap.equal("exit code", exporter.end(), 0)


class SlowReaders:
    """Asks for the page on many connections, and takes it a byte a second, or never."""

    def __init__(self, port, readers, half_open):
        self.clients = []
        for i in range(readers + half_open):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.connect(("127.0.0.1", port))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + (b"\r\n" if i < readers else b""))
            self.clients.append(client)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.read, args=(readers,))
        self.thread.start()

    def read(self, readers):
        while not self.ended.wait(1):
            for client in self.clients[:readers]:
                with contextlib.suppress(OSError):
                    client.recv(1)

    def end(self):
        self.ended.set()
        self.thread.join()
        for client in self.clients:
            client.close()


def storm(tap):
    """While a hundred scrape at once again and again, one takes a byte a second and some never finish their question, nothing of the
    traced server is lost."""
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        exporter = Exporter(lab, "-p", server.pid)
        ask(server.port, many_paths(LARGE))
        exporter.await_requests(LARGE)
        slow = SlowReaders(exporter.port, readers=1, half_open=10)
        load = lab.load(server, connections=8, rate=300, duration=LOAD_SECONDS, mix="1 /users/#")
        statuses, slowest_s = scrape_in_parallel(exporter, load)
        tap.check(f"{SCRAPERS} at once are all answered", set(statuses) == {200},
                  f"{len(statuses)} answers, the slowest in {slowest_s:.2f} s")
        tap.equal("the load's exit code", load.finish(), 0)
        rows = load.rows()
        figures = exporter.await_requests(LARGE + len(rows))
        tap.equal("requests", figures.sum("iocpu_requests_total"), LARGE + len(rows))
        tap.equal("lost", figures.lost(), {})
        slow.end()
        tap.equal("exit code", exporter.end(), 0)


def scrape_in_parallel(exporter, load):
    """Until the load has ended. Statuses, and the longest time that an answer took."""
    statuses, slowest_s = [], 0.0

    def scrape(_):
        began = time.monotonic()
        status = exporter.get(Accept_Encoding="gzip")[0]
        return status, time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(SCRAPERS) as scrapers:
        while load.child.poll() is None:
            for status, took_s in scrapers.map(scrape, range(SCRAPERS)):
                statuses.append(status)
                slowest_s = max(slowest_s, took_s)
            time.sleep(0.3)
    return statuses, slowest_s


def half_open(tap):
    """Who asks half a question and waits is cut off after a while, though others have their places."""
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        exporter = Exporter(lab, "-p", server.pid)
        exporter.await_figures(lambda _: True, "figures")
        clients = [socket.create_connection(("127.0.0.1", exporter.port)) for _ in range(PLACES // 2)]
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(b"GET /metrics HTTP/1.1\r\n")
        began = time.monotonic()
        clients[0].settimeout(3 * IDLE_SECONDS)
        with contextlib.suppress(OSError):
            while clients[0].recv(4096):
                pass
        tap.near("half a question is cut off", time.monotonic() - began, IDLE_SECONDS, 4, " s")
        for client in clients:
            client.close()
        tap.equal("exit code", exporter.end(), 0)


class Tricklers:
    """Says more of a question that never ends on each of many connections, so that none is idle; whoever is cut off comes again."""

    def __init__(self, port, count):
        self.port = port
        self.clients = [self.begin() for _ in range(count)]
        self.cut_off = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.trickle)
        self.thread.start()

    def begin(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        client.setblocking(False)
        return client

    def trickle(self):
        while not self.ended.wait(0.5):
            for number, client in enumerate(self.clients):
                try:
                    client.sendall(b"x")
                    ended = client.recv(1) == b""
                except BlockingIOError:
                    continue
                except OSError:
                    ended = True
                if ended:
                    client.close()
                    self.cut_off += 1
                    self.clients[number] = self.begin()

    def end(self):
        self.ended.set()
        self.thread.join()
        for client in self.clients:
            client.close()


def trickle(tap):
    """All places are taken by those who never end their question, and come again when they are cut off: others are answered too."""
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        exporter = Exporter(lab, "-p", server.pid)
        exporter.await_figures(lambda _: True, "figures")
        tricklers = Tricklers(exporter.port, PLACES + PLACES // 4)
        try:
            statuses, slowest_s = [], 0.0
            for path in ["/healthz", "/metrics"] * 5:
                time.sleep(0.5)
                began = time.monotonic()
                statuses.append(exporter.get(path, timeout=IDLE_SECONDS)[0])
                slowest_s = max(slowest_s, time.monotonic() - began)
            tap.check("each is answered before Prometheus would give up", set(statuses) == {200} and slowest_s < SCRAPE_TIMEOUT_SECONDS,
                      f"{len(statuses)} answers, the slowest in {slowest_s:.2f} s")
            tap.at_least("tricklers that gave way", tricklers.cut_off, PLACES)
        finally:
            tricklers.end()
        tap.equal("exit code", exporter.end(), 0)


def addresses(tap):
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            rows = [
                (f"127.0.0.1:{taken.getsockname()[1]}", 1, "is in use"),
                ("203.0.113.7:9464", 1, "is no address of this machine"),
                ("127.0.0.1:65536", 2, "is not an address with a port"),
                ("localhost", 2, "is not an address with a port"),
                ("nowhere.example:9464", 2, "is not an address with a port"),
            ]
            for address, code, words in rows:
                tracer = lab.trace(f"tracer-{len(lab.processes)}", "serve", "-p", server.pid, "--listen", address)
                tap.check(f"--listen {address.replace(str(taken.getsockname()[1]), 'TAKEN')}",
                          tracer.wait() == code and words in tracer.err() and tracer.err().count("iocpu-trace:") == 1,
                          f"exit code {tracer.child.returncode}")


TOPICS = {"clients/bad": bad_requests, "clients/storm": storm, "clients/half-open": half_open, "clients/trickle": trickle,
          "clients/addresses": addresses}
