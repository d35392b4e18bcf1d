#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holds a JSON object from standard input to the contract of the schema iocpu-trace/1: keys, types, units that must add up.

Usage: json_contract.py snapshot|request. Exit 0, or 1 with what is wrong.
"""
import json
import sys

STATES = ["cpu", "ready", "queue", "loop", "net", "disk", "lock", "pool", "log", "client", "sleep", "other"]
VERDICTS = ["io-bound", "cpu-bound", "core-bound", "loop-bound", "queue-bound", "pool-bound", "lock-bound", "client-bound", "mixed"]


def text(value, where):
    assert isinstance(value, str), f"{where}: {value!r} is no string"


def count(value, where):
    assert isinstance(value, int) and not isinstance(value, bool) and value >= 0, f"{where}: {value!r} is no count"


def real(value, where):
    assert isinstance(value, (int, float)) and not isinstance(value, bool), f"{where}: {value!r} is no number"


def share(value, where):
    real(value, where)
    assert 0 <= value <= 1, f"{where}: {value} is no share"


def flag(value, where):
    assert isinstance(value, bool), f"{where}: {value!r} is neither true nor false"


def or_null(check):
    return lambda value, where: value is None or check(value, where)


def one_of(*values):
    def check(value, where):
        assert value in values, f"{where}: {value!r} is none of {values}"
    return check


def each(check):
    def check_all(value, where):
        assert isinstance(value, list), f"{where}: no array"
        for i, element in enumerate(value):
            check(element, f"{where}[{i}]")
    return check_all


def shape(fields):
    """An object with exactly these keys, in this order."""
    def check(value, where):
        assert isinstance(value, dict), f"{where}: no object"
        assert list(value) == list(fields), f"{where}: keys {list(value)}, not {list(fields)}"
        for key, check_field in fields.items():
            check_field(value[key], f"{where}.{key}")
    return check


def counts_by_name(value, where):
    assert isinstance(value, dict), f"{where}: no object"
    assert next(iter(value)) == "records", f"{where}: does not begin with records"
    for key, number in value.items():
        assert key.replace("_", "").isalnum(), f"{where}: {key!r} is no key"
        count(number, f"{where}.{key}")


def counts(*keys):
    return shape({key: count for key in keys})


DISTRIBUTION = counts("mean", "p50", "p90", "p99", "max")
MAYBE_DISTRIBUTION = shape({key: or_null(count) for key in ("mean", "p50", "p90", "p99", "max")})
STATE_DISTRIBUTION = counts("mean", "p50", "p99")

RUNTIMES = ("native", "go", "node", "jvm", "python", "rust")
MODELS = ("thread-per-connection", "worker-pool", "pre-fork", "event-loop", "event-loops", "goroutines", "virtual-threads", "asyncio-tasks",
          "tasks")

PROCESS = shape({
    "pid": count, "comm": text, "service": or_null(text), "runtime": or_null(one_of(*RUNTIMES)),
    "hook": or_null(shape({"on": flag, "says": or_null(text)})), "model": or_null(one_of(*MODELS)), "threads": count, "cores": count,
    "cpu_ns": count, "request_cpu_ns": count, "after_response_cpu_ns": count, "runtime_cpu_ns": count, "background_cpu_ns": count,
    "setup_cpu_ns": count, "stream_cpu_ns": count, "ambiguous_requests": count, "missing_hook": or_null(text),
    "shared_conn_ambiguous_requests": count, "unattributed_cpu_ns": count,
    "in_flight_mean": or_null(real), "on_cpu_mean": or_null(real),
    "loop_busy_share": or_null(share), "voluntary_switches": count, "involuntary_switches": count, "threads_created": count,
})

ENDPOINT = shape({
    "service": text, "endpoint": text, "requests": count, "errors": count, "rate": real, "wall_ns": DISTRIBUTION,
    "ttfb_ns": MAYBE_DISTRIBUTION, "state_ns": shape({state: STATE_DISTRIBUTION for state in STATES}),
    "slowest": shape({"requests": count, "wall_mean_ns": count, "state_mean_ns": counts(*STATES)}), "cpu_time_ns": STATE_DISTRIBUTION,
    "after_response_cpu_ns": counts("mean"), "ready_mean_ns": counts("wakeup", "preempted", "throttled", "stolen"), "io_share": share,
    "cpu_share": share, "io_cpu_ratio": or_null(real), "voluntary_switches_mean": real, "involuntary_switches_mean": real,
    "peers": each(shape({"peer": text, "calls_mean": real, "net_mean_ns": count, "net_union_mean_ns": count})),
    "culprits": each(shape({"endpoint": text, "delayed_requests": count, "loop_ns": count})),
    "locks": each(shape({"holder": text, "waits": count, "lock_ns": count})), "delayed_requests": count,
    "ambiguous_requests": count, "ambiguous_share": share, "verdict": one_of(*VERDICTS), "verdict_text": text,
})

STREAM_KINDS = ("upgraded", "websocket", "tunnel", "event-stream")

STREAM = shape({
    "service": text, "endpoint": text, "kind": one_of(*STREAM_KINDS), "open": count, "opened": count, "ended": count,
    "opening_ns": MAYBE_DISTRIBUTION, "lasted_ns": MAYBE_DISTRIBUTION, "reads": count, "writes": count, "read_bytes": count,
    "written_bytes": count, "cpu_ns": count,
})

SNAPSHOT = shape({
    "schema": one_of("iocpu-trace/1"),
    "tool": shape({
        "version": text, "cost": shape({"kernel_ns": or_null(count), "user_cpu_ns": or_null(count), "share_of_core": or_null(share)}),
        "lost": counts_by_name,
    }),
    "window": counts("start_unix_ns", "duration_ns"), "core_use": each(shape({"core": count, "share": real})),
    "processes": each(PROCESS), "endpoints": each(ENDPOINT), "streams": each(STREAM),
})

REQUEST = shape({
    "id": text, "service": text, "endpoint": text, "target": or_null(text), "status": or_null(count), "pid": count,
    "start_unix_ns": count, "wall_ns": count, "ttfb_ns": or_null(count), "state_ns": counts(*STATES), "cpu_time_ns": count,
    "after_response_cpu_ns": count, "voluntary_switches": count, "involuntary_switches": count, "threads": each(count),
    "calls": each(shape({"peer": text, "start_ns": real, "net_ns": count, "loop_ns": count})),
    "locks": each(shape({"holder_id": text, "wait_ns": count})), "opens": or_null(one_of(*STREAM_KINDS)), "ambiguous": flag,
})


def check_snapshot(snapshot):
    SNAPSHOT(snapshot, "snapshot")
    for endpoint in snapshot["endpoints"]:
        states_ns = sum(state["mean"] for state in endpoint["state_ns"].values())
        assert states_ns == endpoint["wall_ns"]["mean"], f"states sum to {states_ns}, wall is {endpoint['wall_ns']['mean']}"
        slowest = endpoint["slowest"]
        assert sum(slowest["state_mean_ns"].values()) == slowest["wall_mean_ns"], "the slowest requests' states do not sum to their wall"
        ready_ns = endpoint["state_ns"]["ready"]["mean"]
        assert sum(endpoint["ready_mean_ns"].values()) == ready_ns, "the parts of ready do not sum to it"
    for process in snapshot["processes"]:
        parts = ("request_cpu_ns", "after_response_cpu_ns", "runtime_cpu_ns", "background_cpu_ns", "unattributed_cpu_ns")
        assert sum(process[part] for part in parts) == process["cpu_ns"], "the process's CPU is not conserved"


def check_request(request):
    REQUEST(request, "request")
    assert sum(request["state_ns"].values()) == request["wall_ns"], "the states do not sum to the wall"


def main():
    check = {"snapshot": check_snapshot, "request": check_request}[sys.argv[1]]
    try:
        check(json.loads(sys.stdin.buffer.read().decode("utf-8", errors="strict")))
    except (AssertionError, ValueError) as error:
        print(f"json_contract.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
