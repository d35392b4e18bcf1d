# SPDX-License-Identifier: BSD-2-Clause
"""Draws the dashboard from its live queries, for people to judge: by Grafana's own components (panels.tsx), in a headless Chromium."""
import json
import math
import re
import shutil
import subprocess

import dashboard
import packages
from tap import Skip

CELL_ROWS, SCREEN_COLUMNS = 38, 1920
STEP_SECONDS, CHROMIUM_SECONDS = 0.5, 60
DRAWN = {"timeseries": "<canvas", "stat": "<canvas", "table": 'role="row"', "barchart": "<rect", "heatmap": "<rect"}
PAGE = """<!DOCTYPE html>
<meta charset="utf-8"><title>iocpu-trace</title><link rel="stylesheet" href="panels.css">
<div id="board"></div><script>const BOARD = {board};</script><script src="panels.js"></script>
"""


def legend_of(target, metric):
    """A label that a series lacks is empty, as in Grafana."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: metric.get(match[1], ""), target["legendFormat"])


def number(value):
    return None if math.isnan(value) else value


class Answers:
    """What Prometheus says to a panel's queries, as the page wants it."""

    def __init__(self, prometheus, values, began, now):
        self.prometheus, self.values, self.began, self.now = prometheus, values, began, now

    def of(self, panel):
        answer = {"panel": panel, "times": [], "series": [], "columns": []}
        if panel["type"] in ("timeseries", "stat", "heatmap"):
            answer["times"], answer["series"] = self.series(panel)
        elif panel["type"] == "barchart":
            answer["columns"] = self.matrix(panel)
        elif panel["type"] == "table":
            answer["columns"] = self.columns(panel)
        return answer

    def series(self, panel):
        found = []
        for target in panel["targets"]:
            expression = dashboard.filled(target["expr"], self.values)
            found += [(legend_of(target, metric), dict(points))
                      for metric, points in self.prometheus.matrix(expression, self.began, self.now, STEP_SECONDS)]
        found.sort(key=lambda row: float(row[0]) if panel["type"] == "heatmap" else row[0])
        times = sorted({at for _, points in found for at in points})
        return ([round(at * 1000) for at in times],
                [{"name": name, "values": [number(points.get(at, math.nan)) for at in times]} for name, points in found])

    def rows(self, panel):
        return self.prometheus.vector(dashboard.filled(panel["targets"][0]["expr"], self.values), time=self.now)

    def matrix(self, panel):
        """As Grafana's transformation groupingToMatrix."""
        transformation = panel["transformations"][0]["options"]
        row_field, column_field = transformation["rowField"], transformation["columnField"]
        table = {}
        for metric, value in self.rows(panel):
            table.setdefault(metric[row_field], {})[metric[column_field]] = value
        names = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
        used = [name for name in names if any(name in row for row in table.values())]
        return [{"name": row_field, "values": list(table)},
                *({"name": name, "values": [row.get(name, 0.0) for row in table.values()]} for name in used)]

    def columns(self, panel):
        """As Grafana's transformation organize, in the order that the panel sorts by."""
        organize = panel["transformations"][0]["options"]
        keys = sorted(organize["indexByName"], key=organize["indexByName"].get)
        found = sorted(self.rows(panel), key=lambda row: -row[1])
        return [{"name": organize["renameByName"][key],
                 "values": [value if key == "Value" else metric.get(key, "") for metric, value in found]} for key in keys]


def bundle(folder):
    """The page's script, with all that it takes from Grafana's packages."""
    shutil.copy(packages.HERE / "panels.tsx", folder)
    subprocess.run([folder / "node_modules/.bin/esbuild", "panels.tsx", "--bundle", "--outfile=panels.js", "--jsx=automatic",
                    '--define:process.env.NODE_ENV="production"', "--loader:.svg=text", "--loader:.ttf=empty", "--log-level=error"],
                   cwd=folder, check=True)


def browse(folder, *options):
    chromium = shutil.which("chromium")
    if not chromium:
        raise Skip("chromium is not installed")
    return subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000",
                           f"--user-data-dir={folder / 'profile'}", *options, (folder / "board.html").as_uri()],
                          capture_output=True, text=True, timeout=CHROMIUM_SECONDS, check=True).stdout


def draw(prometheus, values, began, now, path):
    """The panels in which nothing was drawn: their titles, what they were to draw, and what is there. The picture goes to `path`."""
    folder = packages.install()
    panels = dashboard.load()["panels"]
    answers = Answers(prometheus, values, began, now)
    board = {"panels": [answers.of(panel) for panel in panels], "from": round(began * 1000), "to": round(now * 1000)}
    (folder / "board.html").write_text(PAGE.format(board=json.dumps(board)), encoding="utf-8")
    bundle(folder)
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    size = f"--window-size={SCREEN_COLUMNS},{rows * CELL_ROWS}"
    browse(folder, size, f"--screenshot={path}")
    drawn = dict(re.findall(r'<div id="panel-(\d+)"(.*?)(?=<div id="panel-|$)', browse(folder, size, "--dump-dom"), re.S))
    return [(answer["panel"]["title"], answer["series"] or answer["columns"], drawn.get(str(answer["panel"]["id"])))
            for answer in board["panels"] if not is_drawn(answer["panel"], drawn.get(str(answer["panel"]["id"]), ""))]


def is_drawn(panel, html):
    return panel["type"] == "row" or (DRAWN[panel["type"]] in html and 'class="error"' not in html)
