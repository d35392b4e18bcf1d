# SPDX-License-Identifier: BSD-2-Clause
"""Targets with something odd about them: what the tracer must not stumble over."""
import contextlib
import http.client
import json
import pathlib
import re
import socket
import subprocess
import time

import lab as labs
from lab import Lab, Process, has_tracepoint, need
from lossy_peer import PORT, THERE, LossyPeer
from tap import Skip

ODD_TARGET = pathlib.Path(__file__).with_name("odd_target.py")
CPU_SHARE_MIN, CPU_SHARE_MAX = 0.95, 1.02
READS = 3001
SHUTDOWNS, REPLACED, SHARERS = 7, 17, 2  # as odd_target.py has them
ROUNDS = 5
LATE_S, LATE_NS = 0.05, 30_000_000  # so long a lost segment is waited for; so long nobody here keeps waiting what has come
SELECTED = 19
SELDOM_CALLED = {"select", "pselect6", "ppoll", "epoll_pwait2"}
BEFORE_ACCEPT_MAX_NS = 5_000_000  # data may wait for accept, but nobody here keeps it waiting


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


def records_of(lab, path):
    """A recording's lines, each as its first words and its pairs."""
    text = subprocess.run([labs.BUILD / "rec_to_text", path], check=True, capture_output=True, text=True, timeout=60).stdout
    return [(line.split(" ")[1:3], dict(re.findall(r"(\w+)=(\S+)", line)), int(line.split(" ")[0]))
            for line in text.splitlines() if line[0].isdigit()]


def shutdown_in_both(tap):
    """A connection ends once. A named pipe has its inode number from a disk: it is no id beside those of sockets."""
    with Lab() as lab:
        target, ready = start(lab, "target", ODD_TARGET, "shutdown")
        path = lab.scratch / "run.rec"
        recorder = lab.trace("recorder", "record", "-w", path, "-p", ready["pid"]).attached()
        for _ in range(SHUTDOWNS):
            client = http.client.HTTPConnection("127.0.0.1", int(ready["port"]))
            client.request("GET", "/")
            client.getresponse().read()
            client.close()
        target.child.stdin.close()
        tap.equal("the target's exit code", target.wait(), 0)
        tap.equal("exit code of a run that ends with its target", recorder.wait(), 0)
        records = records_of(lab, path)
        served = [pairs["conn"] for words, pairs, _ in records if words[0] == "conn" and pairs["role"] == "server"]
        tap.equal("connections told", len(served), SHUTDOWNS)
        tap.equal("their ends told", sum(words[0] == "conn_state" and pairs["conn"] in served for words, pairs, _ in records), SHUTDOWNS)
        pipes = {pairs["conn"] for words, pairs, _ in records if words[0] == "conn" and pairs["family"] == "pipe"}
        tap.check("the named pipe's id is not its inode number", pipes and ready["inode"] not in pipes, f"{ready['inode']}, ids {pipes}")


def replaced_fd(tap):
    """When a read's data came is not told of the next connection, though that has the closed one's memory."""
    with Lab() as lab:
        target, ready = start(lab, "target", ODD_TARGET, "replaced")
        path = lab.scratch / "run.rec"
        recorder = lab.trace("recorder", "record", "-w", path, "-p", ready["pid"]).attached()
        for _ in range(REPLACED):
            for _ in range(2):
                with socket.create_connection(("127.0.0.1", int(ready["port"]))) as client:
                    time.sleep(0.03)
                    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    time.sleep(0.03)
        target.child.stdin.close()
        tap.equal("the target's exit code", target.wait(), 0)
        tap.equal("exit code of a run that ends with its target", recorder.wait(), 0)
        records = records_of(lab, path)
        up_ns = {pairs["conn"]: at_ns for words, pairs, at_ns in records if words == ["io", "accept"]}
        arrivals = [int(pairs["arrived"]) - up_ns[pairs["conn"]] for words, pairs, _ in records
                    if words == ["io", "read"] and "arrived" in pairs]
        tap.at_least("reads that know when their data came", len(arrivals), REPLACED)
        tap.at_least("data came after accept, ns", min(arrivals), -BEFORE_ACCEPT_MAX_NS)


def hooked_calls(tracer):
    """The system calls that a tracer has hooks on."""
    events = json.loads(subprocess.run(["bpftool", "-j", "perf", "show"], check=True, capture_output=True, timeout=30).stdout)
    return {event["tracepoint"].removeprefix("sys_exit_") for event in events if event["pid"] == tracer.pid and "tracepoint" in event}


def seldom_called(tap):
    """A hook on a call in which few servers wait comes with the first target that does: before the return from it that it was found in."""
    need("bpftool")
    with Lab() as lab:
        target, ready = start(lab, "target", ODD_TARGET, "selects")
        server = lab.sample("epoll_loop")
        other = lab.trace("other", "-p", server.pid, "-o", "json").attached()
        tap.equal("hooks on them for a target that waits in epoll", hooked_calls(other) & SELDOM_CALLED, set())
        path = lab.scratch / "run.rec"
        recorder = lab.trace("recorder", "record", "-w", path, "-p", ready["pid"]).attached()
        tap.equal("hooks for one that waits in select", len(hooked_calls(recorder) & SELDOM_CALLED), 1)
        client = http.client.HTTPConnection("127.0.0.1", int(ready["port"]))
        for _ in range(SELECTED):
            client.request("GET", "/")
            client.getresponse().read()
        client.close()
        target.child.stdin.close()
        done = dict(pair.split("=") for pair in target.await_text(target.out_path, "DONE").split()[1:])
        tap.equal("exit code of a run that ends with its target", recorder.wait(), 0)
        told = sum(words == ["io", "poll"] for words, _, _ in records_of(lab, path))
        tap.equal("returns of select that are told", told, int(done["returns"]))


def ask_in_rounds(clients, downstream):
    """In each round all clients ask for a word of their own, and the downstream answers all at once."""
    for number in range(ROUNDS):
        words = [b"word%d%d" % (number, i) for i in range(len(clients))]
        for client, word in zip(clients, words):
            client.sendall(b"GET /%s HTTP/1.1\r\n\r\n" % word)
        questions = b""
        while questions.count(b"\n") < len(words):
            questions += downstream.recv(4096)
        downstream.sendall(b"".join(b"answer %s\n" % word for word in words))
        for client in clients:
            client.recv(4096)


def hashed_words(path, op):
    """Of the messages that were read or written on connections that several requests use."""
    text = subprocess.run([labs.BUILD / "rec_to_text", path], check=True, capture_output=True, text=True, timeout=60).stdout
    return {word for line in text.splitlines() if f" messages {op} " in line
            for words in re.findall(r" message=\d+:(\S+)", line) for word in words.split(",")}


def record_shared(tap, lab, name):
    """The words of the questions and of the answers in a recording of its own."""
    path = lab.scratch / f"{name}.rec"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target, ready = start(lab, f"target of {name}", ODD_TARGET, "shared", *listener.getsockname())
        downstream = listener.accept()[0]
        recorder = lab.trace(name, "record", "-w", path, "-p", ready["pid"]).attached()
        clients = [socket.create_connection(("127.0.0.1", int(ready["port"]))) for _ in range(SHARERS)]
        ask_in_rounds(clients, downstream)
        for connection in (*clients, downstream):
            connection.close()
        target.child.stdin.close()
        tap.equal("the target's exit code", target.wait(), 0)
        tap.equal("exit code of a run that ends with its target", recorder.wait(), 0)
    return hashed_words(path, "write"), hashed_words(path, "read")


def key_of_its_own(tap):
    """The same words are told as other hashes in each recording, as one hash within it: nobody can look them up."""
    with Lab() as lab:
        recordings = [record_shared(tap, lab, name) for name in ("one", "other")]
        for questions, answers in recordings:
            tap.equal("words of questions that answers name, but the first: then one asks alone", len(questions & answers),
                      ROUNDS * SHARERS - 1)
        one, other = (questions | answers for questions, answers in recordings)
        tap.equal("hashes that both recordings hold", one & other, set())


def ask_lossy_peer(clients, peer, said, order):
    """Each client asks, and is answered; `order`: of the answers' halves, with pauses for None. How much has been said by then."""
    for i, client in enumerate(clients):
        client.sendall(b"GET /word%d HTTP/1.1\r\n\r\n" % i)
    peer.hear(len(clients), said)
    halves = [half for i in range(len(clients)) for half in (b"answer ", b"word%d\n" % i)]
    offsets = [said + sum(map(len, halves[:i])) for i in range(len(halves))]
    for i in order:
        if i is None:
            time.sleep(LATE_S)
        else:
            peer.say(offsets[i], halves[i])
    for client in clients:
        client.recv(4096)
    return offsets[-1] + len(halves[-1])


def lost_segments(tap):
    """What had come out of order has come for its reader when the lost segment in front of it does."""
    need("ip")
    if not pathlib.Path("/dev/net/tun").exists():
        raise Skip("no TUN devices")
    if not has_tracepoint("sk_data_ready"):
        raise Skip("no tracepoint sk_data_ready")
    with Lab() as lab, contextlib.closing(LossyPeer()) as peer:
        path = lab.scratch / "run.rec"
        target = lab.keep(Process(lab, "target", (ODD_TARGET, "shared", THERE, PORT), stdin=subprocess.PIPE))
        peer.accept()
        ready = target.ready()
        recorder = lab.trace("recorder", "record", "-w", path, "-p", ready["pid"]).attached()
        clients = [socket.create_connection(("127.0.0.1", int(ready["port"]))) for _ in range(SHARERS)]
        said = ask_lossy_peer(clients, peer, 0, (0, 1, 2, 3))
        recorder.await_hook("sk_data_ready")
        for order in ((0, 1, 2, 3), (1, 2, 3, None, 0), (1, 3, None, 0, None, 2)):
            said = ask_lossy_peer(clients, peer, said, order)
        for client in clients:
            client.close()
        target.child.stdin.close()
        tap.equal("the target's exit code", target.wait(), 0)
        tap.equal("exit code of a run that ends with its target", recorder.wait(), 0)
        records = records_of(lab, path)
        told = {at_ns: int(re.search(r"@(-?\d+)", pairs["arrivals"])[1]) for words, pairs, at_ns in records
                if words == ["messages", "read"]}
        read = {at_ns: int(pairs["arrived"]) for words, pairs, at_ns in records if words == ["io", "read"] and at_ns in told}
        tap.at_least("reads of what was lost", len(read), 5)
        for name, arrived in (("first", read), ("last", told)):
            tap.at_most(f"the {name} one of a read had come before it by, ns", max(at - when for at, when in arrived.items()), LATE_NS)


TOPICS = {
    "a child that nobody waited for": zombie_child,
    "a file shorter than was asked for": short_file,
    "workers of io_uring": uring_workers,
    "a connection shut down in both directions, a named pipe": shutdown_in_both,
    "an fd replaced under a read": replaced_fd,
    "a call that few servers wait in": seldom_called,
    "a recording has a key of its own": key_of_its_own,
    "segments that are lost, and come again": lost_segments,
}
