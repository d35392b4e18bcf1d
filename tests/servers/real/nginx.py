#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Starts nginx in a directory of its own, from nginx.conf.in or, with --calls, nginx_lua.conf.in; prints READY with the master's pid,
stops it and tidies up on SIGTERM."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import python_common as common  # noqa: E402

SCRIPTS = pathlib.Path(__file__).resolve().parent
STATIC_BYTES = 64 << 10
START_SECONDS = 10


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lua_settings():
    """A Lua table of what nginx_lua.lua is to know."""
    ports = ", ".join(f"{peer} = {port}" for peer, port in options.downstream.items())
    truth = f'"{options.truth}"' if options.truth else "nil"
    return f'{{ downstream = {{ {ports} }}, calls = "{options.calls}", pool = {options.pool}, truth = {truth} }}'


def fill_directory(directory, values):
    template = (SCRIPTS / ("nginx_lua.conf.in" if options.calls else "nginx.conf.in")).read_text(encoding="ascii")
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    (directory / "nginx.conf").write_text(template, encoding="ascii")
    (directory / "static").mkdir()
    (directory / "static" / "file.bin").write_bytes(b"x" * STATIC_BYTES)
    directory.chmod(0o755)  # started by root, the workers are somebody else


def wait_until_listening(nginx, port):
    """False if nginx ended, or did not listen in time."""
    for _ in range(START_SECONDS * 100):
        if nginx.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            time.sleep(0.01)
    return False


def run(directory):
    port = options.port or free_port()
    fill_directory(directory, {"DIR": directory, "PORT": port, "UPSTREAM": options.upstream, "WORKERS": options.workers,
                               "SCRIPTS": SCRIPTS, "SETTINGS": lua_settings()})
    if options.truth:
        common.Truth(options.truth).write()  # the head; each worker appends its rows
    command = ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", str(directory / "error.log")]
    with subprocess.Popen(command) as nginx:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: nginx.terminate())
        if wait_until_listening(nginx, port):
            print(f"READY port={port} pid={nginx.pid}", flush=True)
        else:
            nginx.terminate()
            print(f"nginx.py: nginx does not listen: {(directory / 'error.log').read_text()}", file=sys.stderr)
            return 1
        return nginx.wait()


parser = common.parser()
parser.add_argument("--calls", choices=("new", "kept", "pool"), help="Lua's endpoints: a connection per call, kept ones, or --pool N")
parser.add_argument("--upstream", type=int, default=9, help="port of what /proxy/ leads to")
parser.add_argument("--workers", type=int, default=1)
options = parser.parse_args()
os.environ["PATH"] += ":/usr/sbin:/usr/local/sbin"
with tempfile.TemporaryDirectory(prefix="iocpu-nginx.") as path:
    status = run(pathlib.Path(path))
sys.exit(status)
