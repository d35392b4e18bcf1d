# SPDX-License-Identifier: BSD-2-Clause
"""A real Prometheus under test, asked by its HTTP API."""
import http.client
import json
import shutil
import socket
import time
import urllib.parse

from dashboard import FOLDER
from lab import Process

SCRAPE_SECONDS = 0.5


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Api:
    """What can be asked of one, whoever started it."""

    def __init__(self, port):
        self.port = port

    def await_ready(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.get("/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"Prometheus is not ready after {seconds} s")

    def get(self, path, **parameters):
        """Status, body."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}" if parameters else path)
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()

    def data(self, path, **parameters):
        status, body = self.get(f"/api/v1/{path}", **parameters)
        told = json.loads(body)
        if status != 200 or told["status"] != "success":
            raise RuntimeError(f"{path} {parameters}: {status} {told.get('error')}")
        return told["data"]

    def vector(self, expression, **parameters):
        """Its series now, as pairs of labels and value."""
        return [(row["metric"], float(row["value"][1])) for row in self.data("query", query=expression, **parameters)["result"]]

    def value(self, expression):
        """Of an expression that has one series; 0 where it has none."""
        series = self.vector(expression)
        if len(series) > 1:
            raise RuntimeError(f"{expression}: {len(series)} series")
        return series[0][1] if series else 0.0

    def matrix(self, expression, start, end, step=1):
        """Pairs of labels and [(time, value)]."""
        data = self.data("query_range", query=expression, start=start, end=end, step=step)
        return [(row["metric"], [(at, float(value)) for at, value in row["values"]]) for row in data["result"]]

    def await_value(self, expression, expected, seconds=20):
        """The value, once it is as expected, or after so long."""
        end = time.monotonic() + seconds
        while (found := self.value(expression)) != expected and time.monotonic() < end:
            time.sleep(0.1)
        return found


class Prometheus(Process, Api):
    """With the project's own configuration and rules, but for the address and the intervals."""

    def __init__(self, lab, target):
        Api.__init__(self, free_port())
        folder = lab.scratch / "prometheus"
        folder.mkdir()
        text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:9464", target).replace(": 15s", f": {int(SCRAPE_SECONDS * 1000)}ms")
        (folder / "prometheus.yml").write_text(text, encoding="utf-8")
        shutil.copy(FOLDER / "rules.yml", folder)
        Process.__init__(self, lab, "prometheus", [
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage", "--log.level=warn"])
        lab.keep(self)
        self.await_ready()
