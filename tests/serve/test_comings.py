# SPDX-License-Identifier: BSD-2-Clause
"""Targets that are not there yet, end, and come again."""
import contextlib
import os
import pathlib
import resource
import socket
import time

from exporter import Exporter
from lab import Lab
from tap import Skip

CGROUP_ROOTS = ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
UNIT = "iocpu-trace-test"
LOOKS, LOOK_EVERY_S = 5, 0.3


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def never_fall(tap, before, after):
    fallen = [f"{name} {dict(labels)}" for (name, labels), value in before.samples.items()
              if name.endswith(("_total", "_bucket", "_sum", "_count")) and after.samples.get((name, labels), -1) < value]
    tap.equal("no counter has fallen, or gone", fallen, [])


def restarts(tap, target, start, service=None):
    """Waits for a target that is not there, and follows it through a restart. start(lab, number) starts the server."""
    with Lab() as lab:
        exporter = Exporter(lab, *target[1])
        figures = exporter.await_figures(lambda _: True, "figures")
        tap.equal("before it runs", figures.sum("iocpu_target_up", target=target[0]), 0)
        requests, before = 0, figures
        for number in range(2):
            server = start(lab, number)
            exporter.await_followed(target[0])
            requests += len(lab.run_load(server, name=f"load-{number}", connections=4, rate=100, duration=1, mix="1 /users/#"))
            figures = exporter.await_requests(requests)
            tap.equal(f"requests after start {number + 1}", figures.sum("iocpu_requests_total"), requests)
            never_fall(tap, before, figures)
            before = figures
            server.end()
            figures = exporter.await_target(target[0], 0)
            tap.check("its end is seen", True)
            never_fall(tap, before, figures)
        services = {dict(labels)["service"] for labels in figures.of("iocpu_request_wall_seconds_count")}
        tap.equal("services", services, {service} if service else services)
        tap.equal("lost", figures.lost(), {})
        tap.equal("exit code", exporter.end(), 0)


def by_port(tap):
    port = free_port()
    restarts(tap, (f"port:{port}", ["--port", port]), lambda lab, number: lab.sample("epoll_loop", "--port", port), f"epoll_loop:{port}")


def by_comm(tap):
    port = free_port()
    restarts(tap, ("comm:prefork", ["--comm", "prefork"]), lambda lab, number: lab.sample("prefork", "--port", port), f"prefork:{port}")


def cgroup_folder(path):
    for root in CGROUP_ROOTS:
        folder = pathlib.Path(root) / path
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True)
            if (folder / "cgroup.procs").exists():
                return folder
            folder.rmdir()
    raise Skip("no cgroup can be made here")


def remove_folders(folder):
    """The last one once the processes in it are gone, and those above it that are empty then."""
    end = time.monotonic() + 5
    while folder.exists() and time.monotonic() < end:
        with contextlib.suppress(OSError):
            folder.rmdir()
        time.sleep(0.05)
    with contextlib.suppress(OSError):
        for above in folder.parents:
            above.rmdir()


def by_unit(tap):
    """A service's cgroup, as systemd makes it."""
    port = free_port()
    folder = cgroup_folder(f"system.slice/{UNIT}.service")

    def start(lab, number):
        server = lab.sample("epoll_loop", "--port", port)
        (folder / "cgroup.procs").write_text(f"{server.pid}\n", encoding="ascii")
        return server

    try:
        restarts(tap, (f"unit:{UNIT}", ["--unit", UNIT]), start, f"epoll_loop:{port}")
    finally:
        remove_folders(folder)


def several(tap):
    """Many services at once, by their ids, one of them said twice; those that end are told as down for good, and the others go on."""
    with Lab() as lab:
        servers = [lab.sample("epoll_loop", truth=False) if i else lab.sample("thread_per_conn", truth=False) for i in range(2)]
        exporter = Exporter(lab, "-p", ",".join(str(server.pid) for server in servers), "-p", servers[0].pid)
        requests = 0
        for number, server in enumerate(servers):
            requests += len(lab.run_load(server, name=f"load-{number}", connections=2, rate=100, duration=1, mix="1 /users/#"))
        figures = exporter.await_requests(requests)
        tap.equal("requests", figures.sum("iocpu_requests_total"), requests)
        services = {dict(labels)["service"] for labels in figures.of("iocpu_cpu_seconds_total")}
        tap.equal("services", services, {f"{server.name}:{server.port}" for server in servers})
        servers[0].end()
        after = exporter.await_target(f"pid:{servers[0].pid}", 0)
        tap.equal("the other one is up", after.sum("iocpu_target_up", target=f"pid:{servers[1].pid}"), 1)
        never_fall(tap, figures, after)
        tap.equal("exit code", exporter.end(), 0)


def files_of(pid):
    return {int(name) for name in os.listdir(f"/proc/{pid}/fd")}


def leave_one_file(pid):
    """So that the process can look around in /proc, a file at a time, and no more. What it has open at each of several looks, it keeps: a
    connection that has just been used may be open yet, and a look around holds a file for a moment."""
    opened = files_of(pid)
    for _ in range(LOOKS):
        time.sleep(LOOK_EVERY_S)
        opened &= files_of(pid)
    free = next(number for number in range(max(opened) + 2) if number not in opened)
    limit = next(number for number in range(free + 1, max(opened) + 3) if number not in opened)
    return resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))


def not_at_first(tap):
    """A target that cannot be followed, for want of file descriptors, is followed once it can be."""
    with Lab() as lab:
        exporter = Exporter(lab, "--comm", "epoll_loop")
        exporter.await_figures(lambda _: True, "figures")
        limits = leave_one_file(exporter.pid)
        server = lab.sample("epoll_loop")
        exporter.await_text(exporter.err_path, f"process {server.pid} cannot be followed yet: Too many open files")
        time.sleep(2.5)  # two more looks
        resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, limits)
        exporter.await_text(exporter.err_path, f"process {server.pid} is followed now")
        rows = lab.run_load(server, connections=2, rate=100, duration=1, mix="1 /users/#")
        tap.equal("requests", exporter.await_requests(len(rows)).sum("iocpu_requests_total"), len(rows))
        tap.equal("it was said once", exporter.err().count("cannot be followed yet"), 1)
        tap.equal("exit code", exporter.end(), 0)


def no_such_process(tap):
    with Lab() as lab:
        tracer = lab.trace("tracer", "serve", "--listen", "127.0.0.1:0", "-p", next(pid for pid in range(3000000, 3001000)
                                                                              if not os.path.exists(f"/proc/{pid}")))
        tap.check("a process id that nobody has is refused", tracer.wait() == 3 and "there is no process" in tracer.err())


POD_UID, CONTAINER_ID = "0b9e0c5f-1a2b-4c3d-8e9f-0123456789ab", "3e1f0d2c4b5a69788796a5b4c3d2e1f0" * 2


def pod(tap):
    """In a cgroup as the kubelet makes it, with the kubelet's folders: the pod's names; and a name for its downstreams."""
    folder = cgroup_folder(f"kubepods/burstable/pod{POD_UID}/{CONTAINER_ID}")
    try:
        with Lab() as lab:
            logs = lab.scratch / "log"
            (logs / "pods" / f"shop_cart-0_{POD_UID}" / "app").mkdir(parents=True)
            downstream = lab.downstream()
            server = lab.sample("epoll_loop", *downstream.arguments())
            (folder / "cgroup.procs").write_text(f"{server.pid}\n", encoding="ascii")
            exporter = Exporter(lab, "-p", server.pid, "--peer-name", "127.0.0.1=mock", mounts={"/var/log": logs})
            rows = lab.run_load(server, connections=8, rate=40, duration=1, mix="1 /parallel")
            figures = exporter.await_requests(len(rows))
            labels = {"service": f"epoll_loop:{server.port}", "namespace": "shop", "pod": "cart-0", "container": "app"}
            tap.equal("requests of the pod", figures.sum("iocpu_requests_total", **labels), len(rows))
            tap.equal("its processes", figures.sum("iocpu_processes", **labels), 1)
            peers = {dict(key)["peer"] for key in figures.of("iocpu_downstream_calls_total", **labels)}
            tap.equal("its downstreams by name", peers, {f"mock:{port}" for port in downstream.port_by_kind.values()})
            tap.equal("exit code", exporter.end(), 0)
    finally:
        remove_folders(folder)


TOPICS = {"comings/pod": pod, "comings/port": by_port, "comings/comm": by_comm, "comings/unit": by_unit, "comings/several": several,
          "comings/not-at-first": not_at_first, "comings/nobody": no_such_process}
