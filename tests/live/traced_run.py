# SPDX-License-Identifier: BSD-2-Clause
"""A server under a load, traced from before it to after it by two tracers at once: one tells single requests, one the totals."""
import truth
from lab import counters, growth, quiet_counters, unix_offset_ns


class Run:
    """pairs: what was told of each request beside what was logged of it; totals: the object that -o json printed; inner, outer: what the
    kernel's counters of all threads (CPU ns, voluntary, involuntary switches, ns of waiting for a core) grew by from just inside the
    trace's beginning to just inside its end, and from before it to after it. They differ only where a server has timers of its own.
    options: of both tracers.
    lead: a load that goes before the others, after which both tracers have the hook named late_hook; it is not among the pairs."""

    def __init__(self, lab, server, downstream, *loads, ends=(), truth_path=None, options=(), lead=None, late_hook=None):
        self.downstream, self.port = downstream, server.port
        pids = server.pids()
        outside = quiet_counters(pids)
        requests = lab.trace("requests", "requests", "-p", server.pid, "-o", "ndjson", "--show-query", *options)
        totals = lab.trace("totals", "-p", server.pid, "-o", "json", *options)
        requests.attached()
        totals.attached()
        inside = quiet_counters(pids)
        lead_rows = lab.run_load(server, name="lead", **lead) if lead else []
        if late_hook:
            requests.await_hook(late_hook)
            totals.await_hook(late_hook)
        loads = [lab.load(server, name=f"load-{i}", linger=True, **load) for i, load in enumerate(loads)]
        for load in loads:
            load.await_answers()
        self.inner = growth(inside, quiet_counters(pids))
        self.offset_ns = unix_offset_ns()
        for tracer in (requests, totals):
            if tracer.end():
                raise RuntimeError(f"{tracer.name}: {tracer.err()}")
        self.outer = growth(outside, counters(pids))
        for load in loads:
            if load.finish():
                raise RuntimeError(f"the load failed: {load.out()} {load.err()}")
        for process in (server, *ends, *([downstream] if downstream else [])):
            process.end()  # which makes them write their logs
        measured_rows = [row for load in loads for row in load.rows()]
        self.lead_rows, self.rows = lead_rows, lead_rows + measured_rows
        self.traced = requests.json_lines()
        self.totals = totals.json()
        self.pairs = truth.join(self.traced, truth_path or server.truth_path, measured_rows, downstream and downstream.log_path)

    def total(self, key):
        return sum(process[key] for process in self.totals["processes"])

    def endpoint(self, name):
        return next(each for each in self.totals["endpoints"] if each["endpoint"] == name)

    def pairs_of(self, name):
        return [pair for pair in self.pairs if pair.traced["endpoint"] == name]
