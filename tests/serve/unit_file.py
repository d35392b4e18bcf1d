# SPDX-License-Identifier: BSD-2-Clause
"""What a systemd unit allows its process, put in force without systemd: capabilities, system calls, and who it is."""
import ctypes
import os
import pathlib
import re
import shlex
import struct
import subprocess

NOBODY = 65534
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SECCOMP_RET_ALLOW, SECCOMP_RET_EPERM = 0x7FFF0000, 0x00050001
BPF_LOAD_NUMBER, BPF_JUMP_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
SYSCALL_HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"

_libc = ctypes.CDLL(None, use_errno=True)


class Unit:
    """The lines "Key=value" of a unit; a key may have several values."""

    def __init__(self, path):
        self.values = {}
        for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
            if "=" in line and not line.startswith(("#", ";")):
                key, value = line.split("=", 1)
                self.values.setdefault(key, []).append(value)

    def one(self, key):
        (value,) = self.values[key]
        return value

    def command(self, environment):
        """ExecStart as words: as systemd does, a variable that is a word of its own gives as many words as it has."""
        words = []
        for word in self.one("ExecStart").split():
            words += environment[word[1:]].split() if word.startswith("$") else [word]
        return words

    def capabilities(self):
        """As setpriv wants them: "-all,+bpf"."""
        names = self.one("AmbientCapabilities").split()
        return ",".join(["-all", *("+" + name.removeprefix("CAP_").lower() for name in names)])

    def system_calls(self):
        """The names that SystemCallFilter= leaves, taken in the order of its lines."""
        allowed = set()
        for line in self.values["SystemCallFilter"]:
            names = set().union(*(calls_of(name) for name in line.lstrip("~").split()))
            allowed = allowed - names if line.startswith("~") else allowed | names
        return allowed


def calls_of(name):
    """A set, as @system-service, is what this machine's systemd has it to be."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], check=True, capture_output=True, text=True).stdout
    found = set()
    for line in listed.splitlines()[1:]:
        member = line.strip()
        if member and not member.startswith("#"):
            found |= calls_of(member)
    return found


def read_environment(path):
    """The pairs of an EnvironmentFile."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key: " ".join(shlex.split(value)) for key, value in pairs}


def seccomp_program(allowed):
    """A filter by which every other system call fails with EPERM."""
    header = pathlib.Path(SYSCALL_HEADER).read_text(encoding="utf-8")
    number_by_name = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header)}
    numbers = sorted(number_by_name[name] for name in allowed if name in number_by_name)
    code = struct.pack("HBBI", BPF_LOAD_NUMBER, 0, 0, 0)
    for number in numbers:
        code += struct.pack("HBBI", BPF_JUMP_EQUAL, 0, 1, number) + struct.pack("HBBI", BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW)
    return code + struct.pack("HBBI", BPF_RETURN, 0, 0, SECCOMP_RET_EPERM)


def exec_filtered(program, command):
    """Becomes the command, with that filter in force."""
    code = ctypes.create_string_buffer(program, len(program))
    table = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, table, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
    os.execvp(command[0], command)
