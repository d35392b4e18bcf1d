# SPDX-License-Identifier: BSD-2-Clause
"""The servers of the truth harness: a row each, with the ways in which they call their downstream."""
import dataclasses
import pathlib
import subprocess

import lab as labs
from lab import ROOT, Server, need
from tap import Skip
from test_real import build, build_go, build_java, build_tokio

REAL = ROOT / "tests/servers/real"
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's packages
POOL = 6


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """calls: {way: arguments}; a way's name is one of new, kept, pool, mux, client. more: what a request's query takes along for a way.
    hooks: what --hooks is given; off besides where the tracer has a hook for that runtime.
    command(): the server's program and first arguments, built if need be; raises tap.Skip where this machine lacks something."""

    name: str
    model: str
    command: object
    calls: dict
    more: dict = dataclasses.field(default_factory=dict)
    hooks: tuple = ("auto",)

    def make(self, way):
        command = command_of(self)

        def start(lab, downstream):
            return lab.keep(Server(lab, "server", [*command, *downstream.arguments(), *self.calls[way]]))

        return start


_command_by_name = {}


def command_of(row):
    """Built once."""
    if row.name not in _command_by_name:
        _command_by_name[row.name] = row.command()
    return _command_by_name[row.name]


def sample(program, *arguments):
    return lambda: [labs.BUILD / "servers" / program, *arguments]


def real(interpreter, script, *arguments):
    def command():
        need(interpreter)
        return [interpreter, REAL / script, *arguments]
    return command


def java(model, threads, series=None):
    return lambda: [*build_java(series), "--model", model, "--threads", threads]


def go(*arguments, cores=None):
    """cores: GOMAXPROCS; None: as many as the machine has."""
    def command():
        return [*(["env", f"GOMAXPROCS={cores}"] if cores else []), build_go(), *arguments]
    return command


def python(script, *arguments, needs=None):
    def command():
        if needs and subprocess.run([PYTHON, "-c", f"import {needs}"], stderr=subprocess.DEVNULL, check=False).returncode:
            raise Skip(f"python3-{needs} is not installed")
        return [PYTHON, REAL / script, *arguments]
    return command


def nginx_lua(workers):
    def command():
        need("nginx")
        if not pathlib.Path("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists():
            raise Skip("libnginx-mod-http-lua is not installed")
        return [PYTHON, REAL / "nginx.py", "--workers", workers]
    return command


def asio(threads):
    def command():
        need("g++")
        if not pathlib.Path("/usr/include/asio.hpp").exists():
            raise Skip("libasio-dev is not installed")
        program = labs.BUILD / "servers/cpp_asio"
        build("g++", "-std=c++20", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-o", program, REAL / "cpp_asio.cc", "-lpthread")
        return [program, "--threads", threads]
    return command


def tokio():
    return [build_tokio(), "--threads", 2]


def ways(*names):
    """Of servers that take --calls."""
    return {name: ["--calls", name, "--pool", POOL] for name in names}


C_CALLS, C_MORE = {"kept": [], "pool": ["--pool", POOL]}, {"pool": "&pool=1"}
BOTH = ("auto", "off")
VIRTUAL_CALLS = ways("kept", "new", "pool", "mux", "client") | {
    "lock": ["--calls", "kept"],
    "scope": ["--calls", "kept", "--steps", "scope"],
    "executor": ["--calls", "kept", "--steps", "executor"],
}
VIRTUAL_MORE = {"lock": "&lock=1"}
THREADS = 32  # of pools that serve blocking: as many as there are connections

ROWS = [
    Row("C, thread per connection", "threads", sample("thread_per_conn"), C_CALLS, C_MORE),
    Row("C, selector, queue, workers", "queue → workers", sample("worker_pool", "--handoff", "request", "--threads", THREADS),
        C_CALLS, C_MORE),
    Row("C, pre-fork", "processes", sample("prefork", "--threads", 128), {"kept": []}),
    Row("C, epoll loop", "event loop", sample("epoll_loop"), C_CALLS, C_MORE),
    Row("C, loops on one port", "event loops", sample("reuseport_loops", "--threads", 2, "--as-threads"), C_CALLS, C_MORE),
    Row("Go, net/http", "goroutines", go("-locked=false"), ways("kept", "new", "pool", "mux", "client"), hooks=BOTH),
    Row("Go, net/http, threads locked", "goroutines", go(), ways("kept", "pool"), hooks=BOTH),
    Row("Go, net/http, GOMAXPROCS=1", "goroutines", go("-locked=false", cores=1), ways("kept", "pool"), hooks=BOTH),
    Row("Go, net/http, GOMAXPROCS=8", "goroutines", go("-locked=false", cores=8), ways("kept", "pool"), hooks=BOTH),
    Row("Node, net", "event loop", real("node", "node_net.js"), ways("kept", "new", "pool", "mux")),
    Row("Node, http", "event loop", real("node", "node_http.js"), ways("kept", "new", "pool", "mux", "client")),
    Row("Node, http, put off", "event loop", real("node", "node_http.js", "--detour", "later"), ways("kept", "pool")),
    Row("Node, http, behind files", "event loop → libuv's pool", real("node", "node_http.js", "--detour", "file"), ways("kept", "pool")),
    Row("Node, http and worker threads", "event loop → workers", real("node", "node_http.js", "--workers", 2), ways("kept", "pool")),
    Row("Python, ThreadingHTTPServer", "threads", python("python_threads.py"), C_CALLS, C_MORE),
    Row("Python, gunicorn", "processes", python("python_gunicorn.py", "--workers", 32, needs="gunicorn"), {"kept": []}),
    Row("Python, asyncio streams", "tasks", python("python_asyncio.py"), ways("kept", "new", "pool", "mux"), hooks=BOTH),
    Row("Python, aiohttp", "tasks", python("python_aiohttp.py", needs="aiohttp"), ways("kept", "new", "pool"), hooks=BOTH),
    Row("Python, uvicorn", "tasks", python("python_asgi.py", needs="uvicorn"), ways("kept", "new", "pool"), hooks=BOTH),
    Row("Python, FastAPI on uvicorn", "tasks", python("python_asgi.py", "--application", "fastapi", needs="fastapi"),
        ways("kept", "pool"), hooks=BOTH),
    Row("Python, asyncio.to_thread", "tasks → threads", python("python_to_thread.py", needs="uvicorn"), ways("kept", "pool"), hooks=BOTH),
    Row("Python, FastAPI, not async", "tasks → threads", python("python_to_thread.py", "--application", "fastapi", needs="fastapi"),
        ways("kept", "pool"), hooks=BOTH),
    Row("Python, FastAPI on uvloop", "tasks", python("python_asgi.py", "--application", "fastapi", "--uvloop", needs="fastapi, uvloop"),
        ways("kept", "pool"), hooks=BOTH),
    Row("Python, streams on uvloop", "tasks", python("python_asyncio.py", "--uvloop", needs="uvloop"),
        ways("kept", "new", "pool"), hooks=BOTH),
    Row("Python, uvicorn on uvloop", "tasks", python("python_asgi.py", "--uvloop", needs="uvloop"),
        ways("kept", "new", "pool"), hooks=BOTH),
    Row("nginx, Lua", "event loop, coroutines", nginx_lua(1), ways("new", "kept", "pool")),
    Row("nginx, Lua, 2 workers", "event loops, coroutines", nginx_lua(2), ways("kept", "pool")),
    Row("Rust, tokio and hyper", "tasks on 2 threads", tokio, ways("kept", "new", "pool", "mux", "client"), hooks=BOTH),
    Row("C++, coroutines on Asio", "event loop", asio(1), ways("kept", "new", "pool")),
    Row("C++, coroutines on Asio, 2 threads", "event loop of 2 threads", asio(2), ways("kept", "pool")),
    Row("Java, executor", "threads of a pool", java("blocking", 128), ways("kept", "new", "pool", "mux", "client")),
    Row("Java, selector, queue, workers", "queue → workers", java("selector", THREADS), ways("kept", "new", "pool", "client")),
    Row("Java, HttpServer", "queue → workers", java("httpserver", THREADS), ways("kept", "pool")),
    Row("Java 21, virtual threads", "virtual threads", java("blocking", "virtual", "21"), VIRTUAL_CALLS, VIRTUAL_MORE, hooks=BOTH),
    Row("Java 25, virtual threads", "virtual threads", java("blocking", "virtual", "25"), VIRTUAL_CALLS, VIRTUAL_MORE, hooks=BOTH),
]
