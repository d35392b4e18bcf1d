# SPDX-License-Identifier: BSD-2-Clause
"""`serve` under test, and what a scrape of it says."""
import http.client
import re
import string
import time

import lab as labs
from lab import Process

SAMPLE = re.compile(r'(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>[0-9.e+]+)(?: # .*)?')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
WINDOW_S = 1.0


class Figures:
    """The samples of a page, by name and labels."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            match = SAMPLE.fullmatch(line)
            if not match:
                raise RuntimeError(f"not a sample: {line}")
            key = (match["name"], frozenset(LABEL.findall(match["labels"] or "")))
            if key in self.samples:
                raise RuntimeError(f"told twice: {line}")
            self.samples[key] = float(match["value"])

    def of(self, name, **labels):
        """The values of this name with at least these labels: by the set of all labels."""
        wanted = set(labels.items())
        return {key[1]: value for key, value in self.samples.items() if key[0] == name and wanted <= key[1]}

    def sum(self, name, **labels):
        return sum(self.of(name, **labels).values())

    def lost(self):
        return {dict(labels)["kind"]: int(value) for labels, value in self.of("iocpu_tracer_lost_total").items() if value}


def many_paths(count, folder=""):
    """Different endpoints: words, as numbers would be taken for ids."""
    letters = string.ascii_letters
    return [f"{folder}/{first}{second}x" for first in letters for second in letters][:count]


def ask(port, paths):
    client = http.client.HTTPConnection("127.0.0.1", port)
    for path in paths:
        client.request("GET", path)
        client.getresponse().read()
    client.close()


class Exporter(Process):
    """mounts: files and folders that it is to find at other places than everybody else. command: another one that starts it."""

    def __init__(self, lab, *arguments, mounts=None, command=None):
        command = command or [labs.BUILD / "iocpu-trace", "serve", "--listen", "127.0.0.1:0", *arguments]
        if mounts:
            binds = " && ".join(f"mount --bind {source} {place}" for place, source in mounts.items())
            command = ["unshare", "-m", "sh", "-c", f'{binds} && exec "$@"', "sh", *command]
        super().__init__(lab, "exporter", command)
        lab.keep(self)
        line = self.await_text(self.err_path, "serving http://")
        self.port = int(re.search(r":(\d+)/metrics", line)[1])

    def get(self, path="/metrics", method="GET", timeout=30, **headers):
        """Status, headers, body."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            client.close()

    def figures(self):
        status, _, body = self.get()
        if status != 200:
            raise RuntimeError(f"/metrics: {status} {body[:200]!r}")
        return Figures(body.decode("utf-8"))

    def await_figures(self, holds, what, seconds=30):
        """The first figures of which this holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status, _, body = self.get()
            if status == 200 and holds(figures := Figures(body.decode("utf-8"))):
                return figures
            time.sleep(0.1)
        raise RuntimeError(f"no {what} in {seconds} s: {self.err()[-300:]}\n{body.decode('utf-8')[-2000:]}")

    def await_requests(self, count, seconds=30):
        return self.await_figures(lambda figures: figures.sum("iocpu_requests_total") >= count, f"{count} requests", seconds)

    def await_followed(self, name):
        """Found is not followed yet: that comes with the next tick."""
        self.await_target(name, 1)
        return self.await_figures(lambda figures: figures.sum("iocpu_processes") > 0, "process that is followed")

    def await_target(self, name, up):
        return self.await_figures(lambda figures: figures.sum("iocpu_target_up", target=name) == up, f"{name} at {up}")
