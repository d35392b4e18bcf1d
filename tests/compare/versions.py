# SPDX-License-Identifier: BSD-2-Clause
"""What a run was made on: machine, kernel, commit, day, and the versions of the runtimes that are there."""
import datetime
import os
import pathlib
import re
import subprocess

import servers
import test_real as real
from lab import ROOT
from tap import Skip

NUMBER = re.compile(r"\d+(\.\d+)+")


def said(command):
    """What a command prints; nothing if it is not there."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if not done.returncode else ""


def java_25():
    try:
        return [*real.java_program("25"), "-version"]
    except Skip:
        return ["false"]  # which says nothing, as what is not there


def crate(name):
    """Of Debian's registry."""
    return next((path.name.removeprefix(name + "-") for path in pathlib.Path("/usr/share/cargo/registry").glob(f"{name}-[0-9]*")), None)


def runtimes():
    commands = {"gcc": ["gcc", "-dumpfullversion"], "Node": ["node", "--version"], "Python": [servers.PYTHON, "--version"],
                "Go": ["go", "env", "GOVERSION"], "Java": ["java", "-version"], "Java (virtual threads)": java_25(),
                "rustc": ["rustc", "--version"]}
    found = {name: NUMBER.search(said(command)) for name, command in commands.items()}
    return {name: number[0] for name, number in found.items() if number} | {
        name: version for name, version in {"tokio": crate("tokio"), "hyper": crate("hyper")}.items() if version}


def commit():
    changed = bool(said(["git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no"]).strip())
    return (said(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"]).strip() or "unknown") + (", changed since" if changed else "")


def facts():
    return {
        "cores": os.cpu_count(),
        "kernel": os.uname().release,
        "commit": commit(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "runtimes": ", ".join(f"{name} {version}" for name, version in runtimes().items()),
    }
