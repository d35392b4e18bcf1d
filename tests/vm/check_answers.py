#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Judges what tests/vm/guest brought back: check_answers.py FOLDER. Prints nothing when all is right, else what is wrong.

Times measured in an emulated machine mean nothing, but sums and lower bounds hold there too.
"""
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))

import truth  # noqa: E402

# What each request of the guest asks its server for.
CALLS = 2
HOLD_NS = 3_000_000
BURN_NS = 400_000
TIMER_SLACK = 0.99
STATES = 12
# Made up for by the next look: an emulated processor may stand still while it changes an account that another one reads.
EMULATION_PUT_RIGHT = ("snapshots",)
# What is said of the hook into a server's runtime.
HOOK_SAYS = {
    "go_http": "its scheduler tells which goroutine a thread runs",
    "rust_tokio": "its scheduler tells which task a thread runs",
    "python_asyncio": "its event loops tell which task runs",
}


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def endpoint_faults(endpoint, count):
    """What is wrong in the one endpoint's figures."""
    mean_ns = {state: figures["mean"] for state, figures in endpoint["state_ns"].items()}
    states_ns, wall_ns, cpu_ns = sum(mean_ns.values()), endpoint["wall_ns"]["mean"], endpoint["cpu_time_ns"]["mean"]
    calls = {peer["peer"]: peer["calls_mean"] for peer in endpoint["peers"]}
    facts = [
        (endpoint["requests"] == count, f"{endpoint['requests']} requests counted, {count} were made"),
        (endpoint["errors"] == 0, f"{endpoint['errors']} errors counted, there were none"),
        (len(mean_ns) == STATES, f"{len(mean_ns)} states, not {STATES}"),
        (abs(states_ns - wall_ns) <= STATES, f"states sum to {states_ns} ns, wall is {wall_ns}"),  # each mean is rounded by itself
        (mean_ns["net"] >= CALLS * HOLD_NS * TIMER_SLACK, f"net is {mean_ns['net']} ns, the calls took {CALLS * HOLD_NS} at least"),
        (cpu_ns >= BURN_NS * TIMER_SLACK, f"CPU time is {cpu_ns} ns, {BURN_NS} were burned"),
        (abs(sum(calls.values()) - CALLS) < 1e-6, f"calls a request: {calls}, not {CALLS}"),
    ]
    return [what for right, what in facts if not right]


def process_faults(process):
    parts = ("request_cpu_ns", "after_response_cpu_ns", "runtime_cpu_ns", "background_cpu_ns", "unattributed_cpu_ns")
    total = sum(process[part] for part in parts)
    return [] if total == process["cpu_ns"] else [f"CPU time not conserved: parts sum to {total}, the process has {process['cpu_ns']}"]


def hook_faults(folder, name, endpoint):
    """What is wrong with what the hook told, where there is one: with it nothing of requests that share connections is in doubt."""
    if name not in HOOK_SAYS:
        return
    said = [line for line in read(folder, f"{name}.said").splitlines() if "hooks: " in line]
    if len(said) != 1 or HOOK_SAYS[name] not in said[0] or "off: " in said[0]:
        yield f"said of hooks: {said}"
    if endpoint["ambiguous_requests"]:
        yield f"{endpoint['ambiguous_requests']} requests are ambiguous, in spite of the hook"


def case_faults(folder, name, count, put_right):
    status = read(folder, f"{name}.status").strip()
    if status != "0":
        yield f"the tracer's exit status is {status}"
    left = read(folder, f"{name}.left").strip()
    if left != "[]":
        yield f"programs left loaded: {left}"
    answer = json.loads(read(folder, f"{name}.json"))
    lost = {kind: number for kind, number in answer["tool"]["lost"].items() if number and kind not in put_right}
    if lost:
        yield f"lost: {lost}"
    endpoints = [endpoint for endpoint in answer["endpoints"] if endpoint["endpoint"] == "GET /work"]
    if len(endpoints) != 1:
        yield f"{len(endpoints)} endpoints GET /work among {[endpoint['endpoint'] for endpoint in answer['endpoints']]}"
        return
    yield from endpoint_faults(endpoints[0], count)
    yield from hook_faults(folder, name, endpoints[0])
    for process in answer["processes"]:
        yield from process_faults(process)


def main():
    folder = sys.argv[1]
    faults = []
    status = read(folder, "doctor.status").strip()
    if status != "0":
        faults.append(f"doctor: exit status {status}:\n{read(folder, 'doctor')}")
    emulated = read(folder, "accelerator").strip() == "tcg"
    put_right = truth.PUT_RIGHT + (EMULATION_PUT_RIGHT if emulated else ())
    for line in read(folder, "cases").splitlines():
        name, count = line.split()
        faults += [f"{name}: {fault}" for fault in case_faults(folder, name, int(count), put_right)]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
