# SPDX-License-Identifier: BSD-2-Clause
"""What the tracer tells its user of the runtime, the model and the hooks; and of its doubts, what would settle them."""
import subprocess
import time

import test_hooks as hooks
import test_real as real
from lab import Lab, Server, need

PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's packages
MIX = "2 /work?cpu=300&calls=1&hold=1000&id=#, 1 /json?id=#"
REQUESTS, CONNECTIONS = 120, 6
# Which goroutine is given one of a pool's connections only a hook tells, where the tracer comes when they are all in use.
POOL_LOAD = {"requests": 5003, "connections": 32, "mix": "1 /work?cpu=900&calls=2&hold=3000&id=#"}
LATE_SECONDS = 0.7
POOL_OPTIONS = ("-locked=false", "-calls", "pool", "-pool", 6)
ADVICE = "a hook into Go's scheduler may show (--hooks auto)"


def traced(lab, command, *options, load=None, late=False):
    """(what -o json told, the table's totals) of a load from its beginning, or its middle, to its end."""
    downstream = lab.downstream()
    server = lab.keep(Server(lab, "server", [*command, *downstream.arguments()]))
    load = load or {"requests": REQUESTS, "connections": CONNECTIONS, "mix": MIX}
    begun = lab.load(server, **load) if late else None
    if late:
        time.sleep(LATE_SECONDS)
    json = lab.trace("json", "-p", server.pid, "-o", "json", *options).attached()
    table = lab.trace("table", "-p", server.pid, *options).attached()
    begun = begun or lab.load(server, **load)
    if begun.finish():
        raise RuntimeError(f"the load failed: {begun.out().strip()} {begun.err().strip()}")
    for tracer in (json, table):
        if tracer.end():
            raise RuntimeError(f"{tracer.name}: {tracer.err()}")
    return json.json(), table.out()


def serving(totals):
    """The one process that served."""
    return max(totals["processes"], key=lambda process: process["request_cpu_ns"])


def check_told(tap, command, told, words, hook, *options):
    """told: runtime and model in JSON; words: in the table's header; hook: what JSON says of it holds, None: nothing."""
    with Lab() as lab:
        totals, table = traced(lab, command, *options)
    process = serving(totals)
    tap.equal("runtime and model", (process["runtime"], process["model"]), told)
    tap.check("the header names both", f" · {words}, " in table, table.splitlines()[:1])
    if hook is None:
        tap.equal("hook", process["hook"], None)
    else:
        tap.check("hook", process["hook"] and process["hook"]["on"] == (not hook.startswith("off:")) and hook in process["hook"]["says"],
                  f"{process['hook']}")


def native(tap):
    check_told(tap, [real.labs.BUILD / "servers/epoll_loop"], ("native", "event-loop"), "native, event loop", None)


def go(tap):
    program = real.build_go()
    check_told(tap, [program], ("go", "goroutines"), "Go, goroutines", "its scheduler tells which goroutine a thread runs")
    check_told(tap, [program], ("go", "goroutines"), "Go, goroutines", "off: --hooks off", "--hooks", "off")


def node(tap):
    need("node")
    check_told(tap, ["node", real.REAL / "node_http.js"], ("node", "event-loop"), "Node.js, event loop", None)


def python(tap):
    check_told(tap, [PYTHON, real.REAL / "python_threads.py"], ("python", "thread-per-connection"), "Python, thread per connection", None)


def asyncio(tap):
    check_told(tap, [PYTHON, real.REAL / "python_asyncio.py"], ("python", "asyncio-tasks"), "Python, asyncio tasks",
               "asyncio: its event loops tell which task runs")


def uvloop(tap):
    hooks.need_uvloop()
    check_told(tap, [PYTHON, real.REAL / "python_asyncio.py", "--uvloop"], ("python", "asyncio-tasks"), "Python, asyncio tasks",
               "asyncio on uvloop: its event loops tell which task runs")


def tokio(tap):
    check_told(tap, [real.build_tokio()], ("rust", "tasks"), "Rust, tasks", "its scheduler tells which task a thread runs")


def virtual_threads(tap):
    check_told(tap, [*real.build_java("21"), "--model", "blocking", "--threads", "virtual"], ("jvm", "virtual-threads"),
               "Java, virtual threads", "its memory tells which virtual thread a carrier runs")


def doubts(tap):
    """Without its hook Go's pool is in doubt, and the hook is named, in the table and in JSON; with it neither is so."""
    command = [real.build_go(), *POOL_OPTIONS]
    with Lab() as lab:
        totals, table = traced(lab, command, "--hooks", "off", load=POOL_LOAD, late=True)
    process = serving(totals)
    tap.at_least("ambiguous requests with --hooks off", process["ambiguous_requests"], 1, "")
    tap.equal("… of the endpoints", sum(endpoint["ambiguous_requests"] for endpoint in totals["endpoints"]), process["ambiguous_requests"])
    tap.equal("the hook that is missing", process["missing_hook"], "Go's scheduler")
    tap.check("the footer says what may settle it", ADVICE in table, table[-400:])
    with Lab() as lab:
        totals, table = traced(lab, command, load=POOL_LOAD, late=True)
    tap.equal("the hook that is missing by default", serving(totals)["missing_hook"], None)
    tap.check("the footer does not recommend what is so already", "--hooks" not in table, table[-400:])


def refused(tap):
    """The same of a version that nobody knows: why there is no hook is said, and none is recommended."""
    with Lab() as lab:
        known, program = real.build_go(), lab.scratch / "go_http"
        version = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, check=True, text=True).stdout.strip().encode("ascii")
        program.write_bytes(known.read_bytes().replace(version, b"go1.99" + version[6:]))
        program.chmod(0o755)
        totals, table = traced(lab, [program, *POOL_OPTIONS], load=POOL_LOAD, late=True)
    why = "off: go1.99" + version[6:].decode("ascii") + ": the layout of this version is not known"
    process = serving(totals)
    tap.equal("hook", process["hook"], {"on": False, "says": why})
    tap.equal("the hook that is missing", process["missing_hook"], "Go's scheduler")
    tap.check("the footer says why", f"a hook into Go's scheduler may show, and is {why}" in table and "--hooks" not in table, table[-400:])


TOPICS = {
    "native, told with its model": native,
    "go, told with its model": go,
    "node, told with its model": node,
    "python, told with its model": python,
    "asyncio, told with its model": asyncio,
    "uvloop, told with its model": uvloop,
    "tokio, told with its model": tokio,
    "virtual threads, told with their model": virtual_threads,
    "doubts, and what would settle them": doubts,
    "doubts, where the hook was refused": refused,
}
