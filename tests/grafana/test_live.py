# SPDX-License-Identifier: BSD-2-Clause
"""A Prometheus that scrapes `serve` on live servers: queries have data, figures are those of -o json, a restart loses nothing."""
import os
import pathlib
import re
import signal
import subprocess
import time

import dashboard
import draw
import lab as labs
from exporter import Exporter
from lab import ROOT, Lab
from prometheus import SCRAPE_SECONDS, Api, Prometheus, free_port

LOAD_SECONDS = 16
RATE_INTERVAL_SECONDS = 4
MIX = "6 /users/#, 4 /typical, 2 /parallel, 2 /pool, 1 /sleep, 1 /block"
NS_PER_S = 1e9
# Two tracers see the same switches through clocks of their own, and a core's time is told to them in turn.
TIME_TOLERANCE = 0.02
COMPARISON = re.compile(r" (?:==|>|<) [0-9.]+\b")
STATE = re.compile(r'\{state="(\w+)"\}')
OF_PODS = {"namespace", "pod"}
RESTART_REQUESTS = 100
PARTS_OF_TRY = ("downstream", "epoll_loop", "loadgen", "iocpu-trace", "prometheus")


def under_load(tap):
    """One run for four looks: the queries while it goes on, the picture, and the figures once it is over."""
    with Lab() as lab:
        downstream = lab.downstream()
        loop = lab.sample("epoll_loop", *downstream.arguments())
        workers = lab.sample("worker_pool", *downstream.arguments())
        totals = lab.trace("totals", "-p", loop.pid, "-o", "json").attached()
        exporter = Exporter(lab, "-p", loop.pid, "-p", workers.pid)
        prometheus = Prometheus(lab, f"127.0.0.1:{exporter.port}")
        began = time.time()
        load = lab.load(loop, connections=10, rate=120, duration=LOAD_SECONDS, mix=MIX)
        other = lab.load(workers, name="load-workers",
            connections=10, rate=40, duration=LOAD_SECONDS, mix="4 /users/#, 2 /typical, 1 /block")
        lab.run_load(workers, name="load-lock", connections=2, requests=100, mix="1 /lock?cpu=10000")  # one always waits for the other
        time.sleep(max(0, began + LOAD_SECONDS - 2 - time.time()))
        now = time.time()
        panels_have_data(tap, prometheus, began, now)
        rules_have_data(tap, prometheus)
        variables_have_values(tap, prometheus)
        exemplars_are_kept(tap, prometheus, began, now)
        tap.check("who holds a lock", prometheus.vector('iocpu_lock_wait_seconds_total{holder="GET /lock"} > 0'))
        tap.equal("the loads' exit codes", (load.finish(), other.finish()), (0, 0))
        now = time.time()
        figures_are_those_of_json(tap, prometheus, totals, load.rows())
        picture(tap, prometheus, began, now)
        tap.equal("exit code of serve", exporter.end(), 0)
        tap.equal("exit code of Prometheus", prometheus.end(), 0)


def panels_have_data(tap, prometheus, began, now):
    values = dashboard.values(RATE_INTERVAL_SECONDS, int(now - began))
    for panel in dashboard.panels():
        for target in panel["targets"]:
            expression = dashboard.filled(target["expr"], values)
            if target["instant"]:
                found = prometheus.vector(expression)
            else:
                found = prometheus.matrix(expression, now - 5, now)
            numbers = [value for _, points in found for value in ([points] if isinstance(points, float) else [v for _, v in points])]
            tap.check(f"panel “{panel['title']}” {target['refId']}", numbers and all(value == value for value in numbers),
                      f"{len(found)} series, {len(numbers)} values")


def rules_have_data(tap, prometheus):
    """A recorded series is there; what an alert compares has data, and the alert is one that Prometheus could reckon."""
    rules = {rule["name"]: rule for group in prometheus.data("rules")["groups"] for rule in group["rules"]}
    written = dashboard.rules()
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    tap.equal("all rules are loaded", len(rules), len(written))
    for rule in written:
        name = rule.get("record") or rule["alert"]
        expression = name if "record" in rule else COMPARISON.sub("", rule["expr"])
        if "alert" in rule and expression == rule["expr"]:
            raise RuntimeError(f"{name} compares with no figure")
        if state := STATE.search(expression):  # not every state is in every load: any of them stands for it, if it is one
            if not re.search(rf"^- `state`:.*`{state[1]}`", page, re.M):
                raise RuntimeError(f"{name}: {state[1]} is no state")
            expression = STATE.sub("", expression)
        found = prometheus.vector(expression)
        tap.check(f"rule {name}", found and rules[name]["health"] == "ok", f"{len(found)} series, health {rules[name]['health']}")


def variables_have_values(tap, prometheus):
    """As Grafana looks for them: label_values(SERIES, LABEL)."""
    for variable in dashboard.load()["templating"]["list"]:
        if variable["type"] != "query":
            continue
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
        found = prometheus.data(f"label/{label}/values", **{"match[]": dashboard.filled(series, dashboard.values(1, 1))})
        if variable["name"] in OF_PODS:
            tap.equal(f"variable {variable['name']}, outside of pods", found, [])
        else:
            tap.check(f"variable {variable['name']} has values", found, ", ".join(found))


def exemplars_are_kept(tap, prometheus, began, now):
    found = prometheus.data("query_exemplars", query="iocpu_request_wall_seconds_bucket", start=began, end=now)
    ids = [exemplar["labels"].get("request_id") for series in found for exemplar in series["exemplars"]]
    tap.check("exemplars with the ids of requests", ids and all(ids), f"{len(ids)}")


def picture(tap, prometheus, began, now):
    path = labs.BUILD / "grafana/dashboard.png"
    missing = draw.draw(prometheus, dashboard.values(RATE_INTERVAL_SECONDS, int(now - began)), began + RATE_INTERVAL_SECONDS, now, path)
    tap.equal("panels that Grafana's components do not draw from their live queries", missing, [])


def figures_are_those_of_json(tap, prometheus, totals, rows):
    """Nothing was asked of the loop's server before both tracers were there, nor after the load: the windows are the same."""
    tap.equal("requests, as the load generator counts them",
              prometheus.await_value('sum (iocpu_requests_total{service=~"epoll_loop.*"})', len(rows)), len(rows))
    time.sleep(1 + 2 * SCRAPE_SECONDS)  # one more window and scrape: what came behind the last answers
    totals.end()
    for endpoint in totals.json()["endpoints"]:
        name, requests = endpoint["endpoint"], endpoint["requests"]
        labels = f'{{service="{endpoint["service"]}",endpoint="{name}"}}'
        tap.equal(f"{name}: requests", prometheus.value(f"sum (iocpu_requests_total{labels})"), requests)
        tap.equal(f"{name}: 5xx and unanswered",
            prometheus.value(f'sum (iocpu_requests_total{labels[:-1]},code=~"5xx|none"}})'), endpoint["errors"])
        wall_s = endpoint["wall_ns"]["mean"] * requests / NS_PER_S
        tap.near(f"{name}: sum of the walls", prometheus.value(f"iocpu_request_wall_seconds_sum{labels}"),
            wall_s, TIME_TOLERANCE * wall_s + 0.002, " s")
        for peer in endpoint["peers"]:
            tap.equal(f"{name}: calls to {peer['peer']}",
                prometheus.value(f"iocpu_downstream_calls_total{labels[:-1]},peer=\"{peer['peer']}\"}}"),
                      round(peer["calls_mean"] * requests))
        for quantile, key in ((0.5, "p50"), (0.99, "p99")):
            told_s, (below_s, above_s) = endpoint["wall_ns"][key] / NS_PER_S, bucket_of(prometheus, labels, quantile)
            found_s = prometheus.value(f"histogram_quantile({quantile}, iocpu_request_wall_seconds_bucket{labels})")
            tap.check(f"{name}: {key} within its bucket", below_s * 0.99 <= told_s <= above_s * 1.01 and below_s <= found_s <= above_s,
                      f"{found_s * 1e3:.2f} ms, -o json {told_s * 1e3:.2f} ms, bucket {below_s * 1e3:g} to {above_s * 1e3:g} ms")


def bucket_of(prometheus, labels, quantile):
    """The edges between which the wall histogram reaches this share of the requests."""
    buckets = sorted((float(metric["le"]), count) for metric, count in prometheus.vector(f"iocpu_request_wall_seconds_bucket{labels}"))
    below = 0.0
    for edge, count in buckets:
        if count >= quantile * buckets[-1][1]:
            return below, edge
        below = edge
    raise RuntimeError("an empty histogram")


def restart(tap):
    """The target ends and starts anew: no counter is reset or lost, no rate is negative, and all requests are counted."""
    port = free_port()
    with Lab() as lab:
        exporter = Exporter(lab, "--port", port)
        prometheus = Prometheus(lab, f"127.0.0.1:{exporter.port}")
        requests = 0
        for number in range(2):
            server = lab.sample("epoll_loop", "--port", port)
            exporter.await_target(f"port:{port}", 1)
            time.sleep(0.3)  # it is followed with the next tick after it was found
            requests += len(lab.run_load(server, name=f"load-{number}", connections=4, rate=RESTART_REQUESTS,
                duration=1, mix="1 /users/#"))
            tap.equal(f"requests after start {number + 1}", prometheus.await_value("sum (iocpu_requests_total)", requests), requests)
            server.end()
            tap.equal(f"target_up after end {number + 1}", prometheus.await_value("min (iocpu_target_up)", 0), 0)
        window = "[5m]"
        names = prometheus.data("label/__name__/values", **{"match[]": '{__name__=~"iocpu_.*(_total|_bucket|_sum|_count)"}'})
        resets = {name: prometheus.value(f"sum (resets({name}{window}))") for name in names}
        tap.equal(f"resets of {len(names)} counters", {name for name, count in resets.items() if count}, set())
        tap.check("among them that of requests", "iocpu_requests_total" in names)
        falls = [metric for metric, value in prometheus.vector("min_over_time(rate(iocpu_requests_total[2s])[1m:500ms])") if value < 0]
        tap.equal("negative rates", falls, [])
        grown = prometheus.value(f"max_over_time(sum(iocpu_requests_total){window.replace(']', ':500ms]')})")
        tap.equal("the most that was ever counted is what is counted now", grown, requests)
        ups = prometheus.value(f'changes(iocpu_target_up{{target="port:{port}"}}{window})')
        tap.at_least("changes of target_up that Prometheus saw", ups, 3)
        tap.equal("gaps: scrapes that failed", prometheus.value(f"sum (count_over_time(up{window}) - sum_over_time(up{window}))"), 0)
        tap.equal("exit code of serve", exporter.end(), 0)


def metrics_lint(tap):
    """promtool check metrics reads both formats; it takes OpenMetrics as its elder, so that goes without what only the newer one has."""
    with Lab() as lab:
        downstream = lab.downstream()
        server = lab.sample("epoll_loop", *downstream.arguments())
        exporter = Exporter(lab, "-p", server.pid)
        exporter.await_requests(len(lab.run_load(server, connections=4, rate=60, duration=1, mix=MIX)))
        plain = exporter.get()[2].decode("utf-8")
        newer = exporter.get(Accept="application/openmetrics-text;version=1.0.0")[2].decode("utf-8")
        for name, text in (("text format 0.0.4", plain), ("OpenMetrics as the elder format", as_elder(newer))):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
            tap.check(f"promtool check metrics: {name}", done.returncode == 0 and not done.stdout + done.stderr,
                      (done.stdout + done.stderr).strip().replace("\n", "; ") or f"{len(text)} bytes")


def as_elder(text):
    """OpenMetrics names a counter's family without _total, an info's without _info, and has units, exemplars and an end."""
    suffixes = {"counter": "_total", "info": "_info"}
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    lines = []
    for line in text.splitlines():
        if line.startswith("# UNIT ") or line == "# EOF":
            continue
        if match := re.fullmatch(r"# (HELP|TYPE) (\S+) (.*)", line):
            word, name, rest = match.groups()
            line = f"# {word} {name}{suffixes.get(kinds[name], '')} {'gauge' if word == 'TYPE' and rest == 'info' else rest}"
        elif not line.startswith("#"):
            line = re.sub(r" # \{.*", "", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def try_grafana(tap):
    """The script that people begin with, but for Grafana's own server: filled in a moment, and nothing is left behind after Ctrl-C."""
    before = {path.name for path in pathlib.Path("/tmp").glob("iocpu-grafana.*")}
    command = [ROOT / "scripts/try-grafana", "--no-grafana", "--seconds", "60", "--interval", "1s", labs.BUILD]
    # In a group of its own, as a shell starts it on a terminal: Ctrl-C is for all of them.
    script = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        says = script.stdout.readline()
        where = re.search(r"metrics: http://127.0.0.1:(\d+)/metrics, Prometheus: http://127.0.0.1:(\d+)", says)
        if not where:
            raise RuntimeError(f"it does not say where to look: {says}")
        prometheus = Api(int(where[2]))
        prometheus.await_ready()
        tap.equal("requests have come into Prometheus", prometheus.await_value("sum (iocpu_requests_total) > bool 50", 1), 1)
        tap.equal("from where it says", prometheus.value(f'count (up{{instance="127.0.0.1:{where[1]}"}} == 1)'), 1)
        ps = subprocess.run(["ps", "--ppid", str(script.pid), "-o", "pid=,comm="], capture_output=True, text=True, check=True)
        children = dict(line.split() for line in ps.stdout.splitlines())
        tap.check("all parts run", set(PARTS_OF_TRY) <= set(children.values()), ", ".join(sorted(children.values())))
        os.killpg(script.pid, signal.SIGINT)
        script.communicate(timeout=60)
        tap.equal("exit code", script.returncode, 0)
        tap.equal("processes left behind", [pid for pid in children if os.path.exists(f"/proc/{pid}")], [])
        tap.equal("folders left behind", {path.name for path in pathlib.Path("/tmp").glob("iocpu-grafana.*")} - before, set())
    finally:
        if script.poll() is None:
            script.terminate()
            script.wait()


TOPICS = {"live/load": under_load, "live/restart": restart, "live/metrics": metrics_lint, "live/try": try_grafana}
