# SPDX-License-Identifier: BSD-2-Clause
"""What /metrics says is what was served, and what -o json says of the same run."""
import gzip
import re
import time

from exporter import Exporter, ask, many_paths
from lab import ROOT, Lab

OPENMETRICS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
               "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")  # as Prometheus asks
NS_PER_S = 1e9
ENDPOINTS = 1000
# Two tracers see the same switches through clocks of their own, and a core's time is told to them in turn.
STATE_TOLERANCE = 0.02
LAST_STATE_SECONDS, END_SECONDS = 1.0, 1.0


def beside_json(tap):
    """Counts, buckets and sums are those of a second tracer, which prints JSON; the loads are over when both end."""
    with Lab() as lab:
        downstream = lab.downstream()
        server = lab.sample("epoll_loop", *downstream.arguments())
        totals = lab.trace("totals", "-p", server.pid, "-o", "json").attached()
        exporter = Exporter(lab, "-p", server.pid)
        rows = lab.run_load(server, connections=8, rate=60, duration=4,
                            mix="6 /users/#, 4 /typical, 2 /parallel, 2 /pool, 1 /sleep, 1 /block")
        figures = exporter.await_requests(len(rows))
        time.sleep(1.1)  # one more window: what came behind the answers of the last one
        figures = exporter.figures()
        totals.end()
        told = totals.json()
        service = told["endpoints"][0]["service"]
        answered = figures.sum("iocpu_requests_total", service=service, code="2xx")
        tap.equal("requests, as the load generator counts them", answered, len(rows))
        for endpoint in told["endpoints"]:
            name = endpoint["endpoint"]
            labels = {"service": service, "endpoint": name}
            tap.equal(f"{name}: requests", figures.sum("iocpu_requests_total", **labels), endpoint["requests"])
            counted = figures.sum("iocpu_request_wall_seconds_count", **labels)
            tap.equal(f"{name}: count of the wall histogram", counted, endpoint["requests"])
            tap.near(f"{name}: sum of the walls", figures.sum("iocpu_request_wall_seconds_sum", **labels),
                     endpoint["wall_ns"]["mean"] * endpoint["requests"] / NS_PER_S,
                     STATE_TOLERANCE * endpoint["wall_ns"]["mean"] * endpoint["requests"] / NS_PER_S + 0.002, " s")
            tap.near(f"{name}: the states sum to the wall", figures.sum("iocpu_request_state_seconds_sum", **labels),
                     figures.sum("iocpu_request_wall_seconds_sum", **labels), 1e-6, " s")
            below = [value for key, value in sorted((float(dict(key)["le"]), value) for key, value in
                                                    figures.of("iocpu_request_wall_seconds_bucket", **labels).items())]
            tap.check(f"{name}: the median lies in its bucket", in_bucket(figures, labels, endpoint["wall_ns"]["p50"] / NS_PER_S, 0.5),
                      f"{endpoint['wall_ns']['p50'] / 1e6:.2f} ms")
            tap.check(f"{name}: buckets never fall", below == sorted(below) and below[-1] == endpoint["requests"])
            for peer in endpoint["peers"]:
                tap.near(f"{name}: calls to {peer['peer']}", figures.sum("iocpu_downstream_calls_total", **labels, peer=peer["peer"]),
                         peer["calls_mean"] * endpoint["requests"], 0.5)
        kind = {"runtime": "native", "model": "event-loop", "hook": "none"}
        tap.equal("what the process runs", figures.sum("iocpu_process_info", service=service, **kind), 1)
        loops = sum(culprit["loop_ns"] for endpoint in told["endpoints"] for culprit in endpoint["culprits"]) / NS_PER_S
        tap.near("time that /block made others wait", figures.sum("iocpu_loop_delay_seconds_total"), loops, 0.1 * loops, " s")
        tap.equal("lost", figures.lost(), {})
        tap.equal("exit code", exporter.end(), 0)


def in_bucket(figures, labels, value, share):
    """Is the value, known to 1%, within the bucket of the wall histogram in which this share of the requests is reached?"""
    buckets = sorted((float(dict(key)["le"]), count) for key, count in figures.of("iocpu_request_wall_seconds_bucket", **labels).items())
    rank, edge_below = share * buckets[-1][1], 0.0
    for edge, count in buckets:
        if count >= rank:
            return edge_below * 0.99 <= value <= edge * 1.01
        edge_below = edge
    return False


def forms(tap):
    """The same page in two formats, plain and compressed; docs/metrics.md has a row for each family, and no other."""
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        exporter = Exporter(lab, "-p", server.pid)
        lab.run_load(server, connections=2, rate=50, duration=1, mix="1 /users/#")
        exporter.await_requests(50)
        _, headers, text = exporter.get()
        tap.equal("without a wish", headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        tap.equal("not compressed unasked", headers["Content-Encoding"], None)
        _, headers, metrics = exporter.get(Accept=OPENMETRICS)
        tap.equal("as Prometheus asks", headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        tap.check("OpenMetrics ends with its mark", metrics.endswith(b"\n# EOF\n"))
        tap.check("and has an exemplar with a request's id", re.search(rb' # \{request_id="[0-9a-f]+-\d+"\} \d', metrics))
        _, headers, packed = exporter.get(Accept=OPENMETRICS, Accept_Encoding="gzip")
        tap.equal("compressed where it is taken", headers["Content-Encoding"], "gzip")
        tap.check("a compressed page is a page", gzip.decompress(packed).endswith(b"\n# EOF\n"), f"{len(packed)} of {len(metrics)} bytes")
        _, headers, body = exporter.get(method="HEAD")
        tap.equal("HEAD has no body", (headers["Content-Type"], body), ("text/plain; version=0.0.4; charset=utf-8", b""))
        helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text.decode("utf-8"), re.M))
        page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
        rows = dict(re.findall(r"^\| `(iocpu_\w+)` \| [^|]* \| (.*) \|$", page, re.M))
        tap.equal("docs/metrics.md has each metric, in the same words", rows, helps) if rows != helps else tap.check(
            "docs/metrics.md has each metric, in the same words", True, f"{len(rows)}")
        for path, status, what in (("/healthz", 200, b"ok\n"), ("/", 200, b"/metrics")):
            got, _, body = exporter.get(path)
            tap.check(f"{path} answers", got == status and what in body, f"{got}")


def thousand_endpoints(tap):
    """A page of 1,000 endpoints, and what it costs."""
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        exporter = Exporter(lab, "-p", server.pid)
        ask(server.port, many_paths(ENDPOINTS))
        figures = exporter.await_requests(ENDPOINTS)
        endpoints = {dict(key)["endpoint"] for key in figures.of("iocpu_request_wall_seconds_count")}
        tap.equal("endpoints", len(endpoints), ENDPOINTS)
        began = time.monotonic()
        _, _, plain = exporter.get(Accept=OPENMETRICS)
        plain_s = time.monotonic() - began
        _, _, packed = exporter.get(Accept=OPENMETRICS, Accept_Encoding="gzip")
        packed_s = time.monotonic() - began - plain_s
        tap.check("a scrape is under 5 MB on the wire", len(packed) < 5e6,
                  f"{len(plain) / 1e6:.2f} MB in {plain_s * 1e3:.0f} ms, compressed {len(packed) / 1e6:.2f} MB in {packed_s * 1e3:.0f} ms")
        ask(server.port, many_paths(400, "/more"))
        figures = exporter.await_requests(ENDPOINTS + 400)
        tap.equal("endpoints beyond the cap count as one", figures.sum("iocpu_requests_total", endpoint="(other)"), 400)
        tap.equal("and are told of", figures.sum("iocpu_folded_requests_total"), 400)
        tap.at_most("memory", figures.sum("iocpu_tracer_memory_bytes") / 1e6, 200, " MB")
        tap.equal("lost", figures.lost(), {})


def last_state(tap):
    """SIGTERM: what nobody scraped any more stands in the log."""
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        exporter = Exporter(lab, "-p", server.pid)
        rows = lab.run_load(server, connections=2, rate=200, duration=1, mix="1 /users/#")
        began = time.monotonic()
        exporter.child.terminate()
        line = exporter.await_text(exporter.err_path, " requests, mean ")
        tap.at_most("the last state is logged", time.monotonic() - began, LAST_STATE_SECONDS, " s")
        tap.check("with all requests", f": {len(rows)} requests," in line, line)
        tap.equal("exit code", exporter.wait(), 0)
        tap.at_most("it has ended", time.monotonic() - began, END_SECONDS, " s")


TOPICS = {"totals/json": beside_json, "totals/forms": forms, "totals/thousand": thousand_endpoints, "totals/end": last_state}
