# SPDX-License-Identifier: BSD-2-Clause
"""How requests come: over Unix sockets and IPv6, in pieces, several at once, a connection each."""
import statistics

import test_models as models
import truth
from lab import Lab
from traced_run import Run

WHOLE = (models.check_counts, models.check_calls, models.check_cpu, models.check_handlers, models.check_switches)
# Truth per request lacks what connections cost; and pipelined requests lie in one read.
COUNTED = (models.check_counts, models.check_conservation, models.check_switches)


def transport(model, *arguments, checks=WHOLE, unix=False, **load):
    def topic(tap):
        with Lab() as lab:
            downstream = lab.downstream(unix=unix)
            unix_path = lab.scratch / "server.sock"
            server = lab.sample(model, *downstream.arguments(), *(["--unix", unix_path] if unix else []), *arguments)
            server.unix_path = unix_path
            run = Run(lab, server, downstream, {"requests": models.REQUESTS, "connections": models.CONNECTIONS, "unix": unix,
                                                "mix": models.MIX, **load})
            for check in checks:
                check(tap, run)
            tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
            if unix:
                tap.check("the service is named by its path", all(str(unix_path) in each["service"] for each in run.traced),
                          run.traced[0]["service"])
    return topic


def split(model):
    """Half a request line, then a pause of the client's: at least the 5 ms that loadgen waits."""
    def topic(tap):
        with Lab() as lab:
            downstream = lab.downstream()
            server = lab.sample(model, *downstream.arguments())
            run = Run(lab, server, downstream, {"requests": 53, "connections": 3, "path": "/users/#?id=#", "split_request": True})
            tap.equal("endpoints count right", {each["endpoint"]: each["requests"] for each in run.totals["endpoints"]},
                      {"GET /users/:id": 53})
            tap.equal("targets are whole", sorted(each["target"] for each in run.traced),
                      sorted(row["path"] for row in run.rows))
            tap.at_least("CLIENT", statistics.fmean(each["state_ns"]["client"] for each in run.traced) / truth.NS_PER_MS, 4.95, " ms")
            tap.equal("requests whose states do not sum to the wall", truth.open_sums(run.traced), 0)
    return topic


TOPICS = {
    "Unix sockets, thread_per_conn": transport("thread_per_conn", unix=True),
    "Unix sockets, epoll_loop": transport("epoll_loop", unix=True),
    "IPv6, thread_per_conn": transport("thread_per_conn", "--ipv6"),
    "IPv6, epoll_loop": transport("epoll_loop", "--ipv6"),
    "a connection per request, thread_per_conn": transport("thread_per_conn", checks=COUNTED, close=True),
    "a connection per request, epoll_loop": transport("epoll_loop", checks=COUNTED, close=True),
    "pipelined, thread_per_conn": transport("thread_per_conn", checks=COUNTED, pipeline=5),
    "pipelined, epoll_loop": transport("epoll_loop", checks=COUNTED, pipeline=5),
    "split request lines, thread_per_conn": split("thread_per_conn"),
    "split request lines, epoll_loop": split("epoll_loop"),
}
