# SPDX-License-Identifier: BSD-2-Clause
"""One server's life: started on so many cores, warmed up, put under the loads of its cases, ended; and lives that only measure memory."""
import time

import cases
import lab as labs
import window
from cases import CONNECTIONS, POOL_THREADS, Size

WARM = {"connections": CONNECTIONS, "requests": 1000, "path": "/work?cpu=100&calls=2&hold=100&id=#"}
WARM_FIRST_ID = 900_000_001
WAITING = (100, 400)  # requests that wait at once, of two servers
WAIT_PATH, LOOK_SECONDS = "/work?cpu=0&calls=1&hold=2000000&id=#", 0.1


def start(lab, model, size, server_cores):
    downstream = lab.downstream()
    command = [*model.command(size), *downstream.arguments()]
    return downstream, lab.keep(labs.Server(lab, "server", command, cores=server_cores))


def run_cases(model, cores, count):
    """By case on so many cores: a Window. Raises tap.Skip."""
    with labs.Lab() as lab, cores.apart(count) as server_cores:
        downstream, server = start(lab, model, Size(count, CONNECTIONS, POOL_THREADS), server_cores)
        lab.run_load(server, name="warm", first_id=WARM_FIRST_ID, **WARM)
        own = [case for case in cases.CASES if case.cores == count]
        runs = [window.Run(lab, server, case, number, [downstream]) for number, case in enumerate(own)]
        for process in (server, downstream):
            process.end()  # which makes them write their logs
        return {run.case: run.window(server, downstream) for run in runs}


def most_at_once(calls):
    changes = sorted([(call["arrived_ns"], 1) for call in calls] + [(call["answered_ns"], -1) for call in calls])
    now, most = 0, 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def bytes_while_waiting(model, cores, waiting):
    """Of a server all of whose requests wait for their downstream call at once."""
    with labs.Lab() as lab, cores.apart(1) as server_cores:
        downstream, server = start(lab, model, Size(1, waiting, waiting), server_cores)
        load = lab.load(server, connections=waiting, requests=waiting, path=WAIT_PATH)
        most = 0
        while load.child.poll() is None:
            most = max(most, window.memory_bytes(server.pids()))
            time.sleep(LOOK_SECONDS)
        if load.finish():
            raise RuntimeError(f"the load failed: {load.out()} {load.err()}")
        downstream.end()
        at_once = most_at_once(labs.read_csv(downstream.log_path))
        if at_once < waiting:
            raise RuntimeError(f"only {at_once} of {waiting} requests waited at once")
        return most


def bytes_a_waiting_request(model, cores):
    few, many = WAITING
    return (bytes_while_waiting(model, cores, many) - bytes_while_waiting(model, cores, few)) / (many - few)
