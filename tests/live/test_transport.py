# SPDX-License-Identifier: BSD-2-Clause
"""How requests come: over Unix sockets and IPv6, in pieces, several at once, a connection each."""
import statistics

import test_models as models
import truth
from lab import Lab, has_tracepoint
from traced_run import Run

SPLIT_PAUSE_MS = 5  # at least so long loadgen waits
STAMP_ERROR_MAX_MS = 0.5
WHOLE = (models.check_counts, models.check_calls, models.check_cpu, models.check_handlers, models.check_switches)
# Threads that have ended with their connections are in nobody's counters any more.
FLEETING = (models.check_counts, models.check_calls, models.check_handlers)


def transport(model, *arguments, checks=WHOLE, unix=False, udp=False, late_hook=False, **load):
    """udp: the server asks its downstream as a resolver asks, a datagram each way. late_hook: an answer must have come before the others
    can be stamped."""
    def topic(tap):
        with Lab() as lab:
            downstream = lab.downstream(unix=unix, udp=udp)
            unix_path = lab.scratch / "server.sock"
            server = lab.sample(model, *downstream.arguments(), *(["--unix", unix_path] if unix else []), *arguments)
            server.unix_path = unix_path
            run = Run(lab, server, downstream, {"requests": models.REQUESTS, "connections": models.CONNECTIONS, "unix": unix,
                                                "mix": models.MIX, **load},
                      **(LATE_HOOK if late_hook and HAS_DATA_READY else {}))
            for check in checks:
                check(tap, run)
            tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
            if unix:
                tap.check("the service is named by its path", all(str(unix_path) in each["service"] for each in run.traced),
                          run.traced[0]["service"])
    return topic


def check_unstamped_calls(tap, run):
    """When an answer came that a busy loop read late is not known. Then it must be OTHER, never NET."""
    tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
    tap.at_most("NET beyond the true hold, mean", statistics.fmean(truth.net_excesses_ms(run.pairs)), models.NET_ERROR_MAX_MS, " ms")
    shortage_ms = statistics.fmean(truth.unexplained_shortages_ms(run.pairs))
    tap.at_most("hold that no state explains, mean", shortage_ms, models.NET_ERROR_MAX_MS, " ms")
    tap.equal("requests with wrong calls", truth.wrong_calls(run.pairs, run.downstream.peer_by_kind), 0)


def check_backlog(tap, run):
    """What came to a connection that nobody had accepted yet has waited since it came."""
    sent_to_read_ms = [(pair.truth["start_ns"] - pair.sent["sent_ns"]) / truth.NS_PER_MS for pair in run.pairs]
    sent_to_begin_ms = [(pair.traced["start_unix_ns"] - run.offset_ns - pair.sent["sent_ns"]) / truth.NS_PER_MS for pair in run.pairs]
    tap.at_least("from sent to read, mean", statistics.fmean(sent_to_read_ms), 10 * STAMP_ERROR_MAX_MS, " ms")
    tap.at_most("from sent to begun, median", statistics.median(sent_to_begin_ms), STAMP_ERROR_MAX_MS, " ms")


def check_pipelined(tap, run):
    """Several request lines may lie in one read, of which only the first bytes are carried along: then an endpoint is not known, and says
    so. The count is exact nevertheless."""
    tap.equal("requests", sum(each["requests"] for each in run.totals["endpoints"]), models.REQUESTS)
    tap.equal("requests told", len(run.traced), models.REQUESTS)
    known = {f"GET {path}" for path in truth.endpoint_counts(run.rows)} | {"GET /…", f":{run.port} (HTTP, request line not seen)"}
    tap.equal("endpoints that nobody asked for", {each["endpoint"] for each in run.totals["endpoints"]} - known, set())
    tap.check("nobody is told twice", len(run.pairs) == len({id(pair.traced) for pair in run.pairs}), f"{len(run.pairs)} with their ids")


UNSTAMPED = (models.check_counts, check_unstamped_calls, models.check_conservation, models.check_switches)
# Kernels before 6.3 have no hook that stamps what comes to a Unix or UDP socket.
HAS_DATA_READY = has_tracepoint("sk_data_ready")
BUSY_LOOP = WHOLE if HAS_DATA_READY else UNSTAMPED
BACKLOG = (*WHOLE, check_backlog) if HAS_DATA_READY else UNSTAMPED
LATE_HOOK = {"lead": {"requests": 1, "first_id": 1000, "path": "/parallel?id=#"}, "late_hook": "sk_data_ready"}
PIPELINED = (check_pipelined, models.check_conservation, models.check_switches)


def split(model):
    """Half a request line, then a pause of the client's."""
    def topic(tap):
        with Lab() as lab:
            downstream = lab.downstream()
            server = lab.sample(model, *downstream.arguments())
            run = Run(lab, server, downstream, {"requests": 53, "connections": 3, "path": "/users/17?id=#", "split_request": True})
            tap.equal("endpoints count right", {each["endpoint"]: each["requests"] for each in run.totals["endpoints"]},
                      {"GET /users/:id": 53})
            tap.equal("targets are whole", sorted(each["target"] for each in run.traced),
                      sorted(row["path"] for row in run.rows))
            # Halves that a busy server finds together have one stamp, of when the last one came. What it was late in reading the first one
            # is QUEUE or READY, and no longer the client's.
            apart = [pair for pair in run.pairs if pair.truth["start_ns"] < pair.sent["sent_ns"] + SPLIT_PAUSE_MS * truth.NS_PER_MS]
            tap.at_least("requests read in two parts", len(apart), 29)
            known_ms = min(sum(pair.traced["state_ns"][state] for state in ("client", "queue", "loop", "ready", "cpu")) for pair in apart)
            tap.at_least("CLIENT and what goes before it", known_ms / truth.NS_PER_MS, SPLIT_PAUSE_MS, " ms")
            client_ms = statistics.median(each["state_ns"]["client"] for each in run.traced) / truth.NS_PER_MS
            tap.at_least("CLIENT", client_ms, SPLIT_PAUSE_MS / 2, " ms")
            tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
    return topic


TOPICS = {
    "Unix sockets, thread_per_conn": transport("thread_per_conn", unix=True),
    "Unix sockets, epoll_loop": transport("epoll_loop", unix=True, connections=1),
    "Unix sockets, busy epoll_loop": transport("epoll_loop", unix=True, checks=BUSY_LOOP),
    "Unix sockets, a connection per request, busy epoll_loop": transport("epoll_loop", unix=True, checks=BACKLOG, close=True),
    "UDP downstream, thread_per_conn": transport("thread_per_conn", udp=True),
    "UDP downstream, epoll_loop": transport("epoll_loop", udp=True, connections=1),
    "UDP downstream, busy epoll_loop": transport("epoll_loop", udp=True, checks=BUSY_LOOP, late_hook=True),
    "IPv6, thread_per_conn": transport("thread_per_conn", "--ipv6"),
    "IPv6, epoll_loop": transport("epoll_loop", "--ipv6"),
    "a connection per request, thread_per_conn": transport("thread_per_conn", checks=FLEETING, close=True),
    "a connection per request, epoll_loop": transport("epoll_loop", checks=WHOLE, close=True),
    "pipelined, thread_per_conn": transport("thread_per_conn", checks=PIPELINED, pipeline=5),
    "pipelined, epoll_loop": transport("epoll_loop", checks=PIPELINED, pipeline=5),
    "split request lines, thread_per_conn": split("thread_per_conn"),
    "split request lines, epoll_loop": split("epoll_loop"),
}
