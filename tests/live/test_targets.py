# SPDX-License-Identifier: BSD-2-Clause
"""Targets with something odd about them: what the tracer must not stumble over."""
import http.client
import pathlib
import subprocess

import lab as labs
from lab import Lab, Process
from tap import Skip

ODD_TARGET = pathlib.Path(__file__).with_name("odd_target.py")
CPU_SHARE_MIN, CPU_SHARE_MAX = 0.95, 1.02
READS = 3001


def start(lab, name, *command):
    """A target that waits for its standard input, and the pairs of its READY line."""
    target = lab.keep(Process(lab, name, command, stdin=subprocess.PIPE))
    return target, target.ready()


def zombie_child(tap):
    """It has nothing left to follow, so the run ends with its parent."""
    with Lab() as lab:
        target, ready = start(lab, "target", ODD_TARGET, "zombie")
        tracer = lab.trace("tracer", "-p", ready["pid"], "-o", "json").attached()
        target.child.stdin.close()
        tap.equal("the target's exit code", target.wait(), 0)
        tap.equal("exit code of a run that ends with its target", tracer.wait(), 0)


def short_file(tap):
    """The answer is over with the file, though more was asked for: it is told while the connection stays open and says nothing."""
    with Lab() as lab:
        target, ready = start(lab, "target", ODD_TARGET, "sendfile")
        tracer = lab.trace("tracer", "requests", "-p", ready["pid"], "-o", "ndjson", "-n", "1").attached()
        client = http.client.HTTPConnection("127.0.0.1", int(ready["port"]))
        client.request("GET", "/file")
        client.getresponse().read()
        tap.equal("exit code of a run that ends with the first request", tracer.wait(), 0)
        client.close()
        requests = tracer.json_lines()
        tap.equal("what is told", [(each["endpoint"], each["status"]) for each in requests], [("GET /file", 200)])
        target.child.stdin.close()
        tap.equal("the target's exit code", target.wait(), 0)


def uring_workers(tap):
    """The kernel makes them while the process runs, and they work on its account."""
    with Lab() as lab:
        target, ready = start(lab, "target", labs.BUILD / "servers/uring_reader", READS)
        if ready["io_uring"] != "yes":
            raise Skip("this kernel allows no io_uring")
        tracer = lab.trace("tracer", "-p", ready["pid"], "-o", "json").attached()
        target.child.stdin.write(b"\n")
        target.child.stdin.flush()
        done = dict(pair.split("=") for pair in target.await_text(target.out_path, "DONE").split()[1:])
        tap.equal("tracer's exit code", tracer.end(), 0)
        target.child.stdin.close()
        tap.equal("the target's exit code", target.wait(), 0)
        told_ns = sum(each["cpu_ns"] for each in tracer.json()["processes"])
        share = told_ns / (int(done["cpu_ns"]) - int(ready["cpu_ns"]))
        tap.at_least("share of the process's CPU that is told", share, CPU_SHARE_MIN)
        tap.at_most("the same", share, CPU_SHARE_MAX)


TOPICS = {
    "a child that nobody waited for": zombie_child,
    "a file shorter than was asked for": short_file,
    "workers of io_uring": uring_workers,
}
