# SPDX-License-Identifier: BSD-2-Clause
"""`serve` with no more than its systemd unit and its DaemonSet give it."""
import pathlib
import platform
import re
import signal
import subprocess
import sys
import time

import lab as labs
import unit_file
from exporter import Exporter
from lab import Lab, need
from tap import Skip
from test_comings import CONTAINER_ID, POD_UID, cgroup_folder, remove_folders

PACKAGING = labs.ROOT / "scripts/packaging"
UNIT, DEFAULTS, DAEMONSET = PACKAGING / "iocpu-trace.service", PACKAGING / "iocpu-trace.default", PACKAGING / "daemonset.yaml"
LOGGED_SECONDS, ENDED_SECONDS = 0.5, 1.0
ENDINGS = 3

# As systemd and container engines have it: tracefs is mounted, and what lies in /sys is only to be read.
SYSTEM = """
mount --make-rprivate /
[ -d /sys/kernel/tracing/events ] || mount -t tracefs -o ro tracefs /sys/kernel/tracing
mount -o remount,bind,ro /sys
mount --bind "$1" /proc/kallsyms
shift
exec "$@"
"""
# A container's: of the host it has the kernel, the processes, and the folders that the manifest mounts.
CONTAINER = """
set -e
root=$1
shift
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
for top in /usr /lib /lib64 /bin /sbin; do
	[ ! -e $top ] || { mkdir "$root$top" && mount --rbind $top "$root$top"; }
done
mkdir "$root/proc" "$root/sys" "$root/program" "$root/etc"
mount --rbind /proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --bind "$PROGRAM_FOLDER" "$root/program"
[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
for pair in $MOUNTS; do
	mkdir -p "$root${pair#*:}"
	mount --rbind "${pair%%:*}" "$root${pair#*:}"
	mount -o remount,bind,ro "$root${pair#*:}"
done
mount -o remount,ro "$root"
exec chroot "$root" "$@"
"""


def permits_less():
    """May the kernel half be loaded here without CAP_SYS_ADMIN?"""
    release = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
    paranoid = int(pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text(encoding="ascii"))
    return release >= (6, 10) and paranoid <= 2


def serve_as_unit(lab, server, capabilities):
    """The exporter as the unit starts it, but for who systemd would make it be: nobody."""
    unit = unit_file.Unit(UNIT)
    environment = {**unit_file.read_environment(DEFAULTS), "IOCPU_TRACE_LISTEN": "127.0.0.1:0",
                   "IOCPU_TRACE_TARGETS": f"--port {server.port}"}
    words = unit.command(environment)
    program, filtered = lab.scratch / "filter", lab.scratch / "filtered.py"
    program.write_bytes(unit_file.seccomp_program(unit.system_calls()))
    filtered.write_text(f"import sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})\n"
                        f"import unit_file\nunit_file.exec_filtered(open({str(program)!r}, 'rb').read(), sys.argv[1:])\n",
                        encoding="utf-8")
    hidden = lab.scratch / "hidden"
    hidden.touch(mode=0)
    return Exporter(lab, command=[
        "unshare", "-m", "sh", "-c", SYSTEM, "sh", hidden, "setpriv", f"--reuid={unit_file.NOBODY}", f"--regid={unit_file.NOBODY}",
        "--clear-groups", f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}", f"--bounding-set={capabilities}",
        "--no-new-privs", sys.executable, filtered, labs.BUILD / "iocpu-trace", *words[1:]])


def held_capabilities(pid):
    """How many, by its effective set."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"CapEff:\t(\w+)", status)[1], 16).bit_count()


def traces(tap, lab, exporter, server, count):
    tap.equal("capabilities that it has", held_capabilities(exporter.pid), count)
    rows = lab.run_load(server, connections=4, rate=100, duration=1, mix="1 /users/#")
    figures = exporter.await_requests(len(rows))
    tap.equal("requests", figures.sum("iocpu_requests_total"), len(rows))
    tap.check("their CPU time is known", figures.sum("iocpu_cpu_seconds_total", use="request") > 0)
    tap.equal("exit code", exporter.end(), 0)
    tap.check("it logs its last totals", f": {len(rows)} requests" in exporter.err())


def by_unit(tap):
    need("systemd-analyze", "setpriv", "unshare")
    capabilities = unit_file.Unit(UNIT).capabilities()
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        traces(tap, lab, serve_as_unit(lab, server, capabilities), server, capabilities.count("+"))


def least(tap):
    """What the unit's comment promises: where the kernel is new enough, CAP_SYS_ADMIN can go."""
    need("systemd-analyze", "setpriv", "unshare")
    capabilities = unit_file.Unit(UNIT).capabilities().replace(",+sys_admin", "")
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        if permits_less():
            traces(tap, lab, serve_as_unit(lab, server, capabilities), server, 4)
        else:
            refused = lab.trace("tracer", "doctor")
            tap.check("doctor names what is missing", refused.wait() in (0, 4))


def judged(tap):
    """By systemd itself, which need not run for that."""
    need("systemd-analyze")
    with Lab() as lab:
        unit = lab.scratch / UNIT.name  # the program is not installed here
        unit.write_text(UNIT.read_text(encoding="utf-8").replace("/usr/bin/iocpu-trace", str(labs.BUILD / "iocpu-trace")), encoding="utf-8")
        verify = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
        tap.equal("systemd-analyze verify", (verify.returncode, verify.stderr), (0, ""))
        security = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager", unit],
                                  capture_output=True, text=True, check=False)
        tap.check("systemd-analyze security: at most 3.0", security.returncode == 0, security.stdout.strip().splitlines()[-1])
        defaults = unit_file.read_environment(DEFAULTS)
        used = re.findall(r"\$(\w+)", unit_file.Unit(UNIT).one("ExecStart"))
        tap.equal("what it takes from /etc/default is there", sorted(used), sorted(defaults))


def ends(tap):
    """SIGTERM: the last totals at once, while the kernel detaches the hooks, one after the other and 40 ms each."""
    logged_s, ended_s = [], []
    with Lab() as lab:
        server = lab.sample("epoll_loop")
        for number in range(ENDINGS):
            exporter = Exporter(lab, "--port", server.port)
            rows = lab.run_load(server, name=f"load-{number}", connections=4, rate=100, duration=1, mix="1 /users/#")
            exporter.await_requests(len(rows))
            began = time.monotonic()
            exporter.child.send_signal(signal.SIGTERM)
            exporter.await_text(exporter.err_path, f": {len(rows)} requests")
            logged_s.append(time.monotonic() - began)
            tap.equal(f"exit code {number + 1}", exporter.wait(), 0)
            ended_s.append(time.monotonic() - began)
    tap.at_most("the last totals are logged", max(logged_s), LOGGED_SECONDS, " s")
    tap.at_most("it has ended, the slowest time", max(ended_s), ENDED_SECONDS, " s")


def read_manifest():
    """The pod of the DaemonSet."""
    try:
        import yaml  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise Skip("python3-yaml is not installed") from None
    documents = list(yaml.safe_load_all(DAEMONSET.read_text(encoding="utf-8")))
    (daemonset,) = (document for document in documents if document["kind"] == "DaemonSet")
    return daemonset["spec"]["template"]["spec"]


def manifest_mounts(pod, logs):
    """Host's folder and the container's; the kubelet's are made up."""
    host = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: host[mount["name"]] for mount in pod["containers"][0]["volumeMounts"]}
    return {place: str(logs / source.removeprefix("/var/log/")) if source.startswith("/var/log/") else source
            for place, source in mounts.items()}


def by_daemonset(tap):
    """In a root of its own with exactly the manifest's mounts and capabilities, a container's cgroup namespace, and the node's ids."""
    need("setpriv", "unshare", "chroot")
    pod = read_manifest()
    (container,) = pod["containers"]
    added = container["securityContext"]["capabilities"]["add"]
    capabilities = ",".join(["-all", *(f"+{name.lower()}" for name in added)])
    tap.equal("everything else is dropped", container["securityContext"]["capabilities"]["drop"], ["ALL"])
    folder = cgroup_folder(f"kubepods/burstable/pod{POD_UID}/{CONTAINER_ID}")
    try:
        with Lab() as lab:
            logs, root = lab.scratch / "log", lab.scratch / "root"
            (logs / "pods" / f"shop_cart-0_{POD_UID}" / "app").mkdir(parents=True)
            (logs / "containers").mkdir()
            root.mkdir()
            server = lab.sample("epoll_loop")
            (folder / "cgroup.procs").write_text(f"{server.pid}\n", encoding="ascii")
            mounts = " ".join(f"{source}:{place}" for place, source in manifest_mounts(pod, logs).items())
            words = [word for word in container["args"] if not word.startswith(("--listen", "--cgroup"))]
            tap.equal("the arguments are the port's and the targets' alone", words, ["serve"])
            exporter = Exporter(lab, command=[
                "env", f"MOUNTS={mounts}", f"PROGRAM_FOLDER={labs.BUILD}", "unshare", "-m", "-C", "sh", "-c", CONTAINER, "sh", root,
                "setpriv", f"--inh-caps={capabilities}", f"--bounding-set={capabilities}", "/program/iocpu-trace", *words,
                "--listen", "127.0.0.1:0", "--port", server.port])
            rows = lab.run_load(server, connections=4, rate=100, duration=1, mix="1 /users/#")
            figures = exporter.await_requests(len(rows))
            tap.equal("capabilities that it has", held_capabilities(exporter.pid), len(added))
            labels = {"service": f"epoll_loop:{server.port}", "namespace": "shop", "pod": "cart-0", "container": "app"}
            tap.equal("requests of the pod", figures.sum("iocpu_requests_total", **labels), len(rows))
            tap.equal("exit code", exporter.end(), 0)
    finally:
        remove_folders(folder)


TOPICS = {"service/judged": judged, "service/unit": by_unit, "service/least": least, "service/ends": ends,
          "service/daemonset": by_daemonset}
