# SPDX-License-Identifier: BSD-2-Clause
"""Draws the dashboard from its live queries, for people to judge: places, titles, units, legends, colours and thresholds are the JSON's.

It is no Grafana: what a panel's plugin makes of its options beyond that is not shown.
"""
import math
import textwrap

import dashboard
from tap import Skip

CELL_INCHES = (0.75, 0.36)
COLOURS = {"text": "#ccccdc", "green": "#73bf69", "light-green": "#96d98d", "dark-red": "#c4162a", "red": "#f2495c", "orange": "#ff9830",
           "yellow": "#fade2a", "purple": "#b877d9", "blue": "#5794f2", "dark-blue": "#1f60c4", "super-light-blue": "#c0d8ff",
               "transparent": "none"}
BACKGROUND, PANEL, GRID, TEXT = "#111217", "#181b1f", "#2c3235", "#ccccdc"
TABLE_ROWS, LEGEND_ROWS = 9, 5


def in_unit(value, unit, decimals=None):
    """As Grafana prints it, nearly."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
            if abs(value) * factor >= 1 or name == "µs":
                return f"{value * factor:.3g} {name}"
    if unit == "percentunit":
        return f"{value * 100:.{1 if decimals is None else decimals}f}%"
    digits = 0 if value >= 1000 else decimals
    text = f"{value:.3g}" if digits is None else f"{value:.{digits}f}"
    return text + {"reqps": " req/s", "cps": " c/s", "eps": " evt/s"}.get(unit, "")


def legend_of(target, metric):
    text = target["legendFormat"]
    for label, value in metric.items():
        text = text.replace("{{" + label + "}}", value)
    return text


def colour_of(panel, name, fallback):
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            for prop in override["properties"]:
                if prop["id"] == "color":
                    colour = prop["value"]["fixedColor"]
                    return COLOURS.get(colour, colour)
    return fallback


def threshold_colour(steps, value):
    colour = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            colour = step["color"]
    return COLOURS.get(colour, colour)


class Picture:
    def __init__(self, pyplot, prometheus, values, began, now):
        self.pyplot, self.prometheus, self.values, self.began, self.now = pyplot, prometheus, values, began, now

    def ranges(self, panel):
        """Legend and points of each series."""
        found = []
        for target in panel["targets"]:
            for metric, points in self.prometheus.matrix(dashboard.filled(target["expr"], self.values), self.began, self.now, 0.5):
                found.append((legend_of(target, metric), points))
        return sorted(found)

    def rows(self, panel):
        return self.prometheus.vector(dashboard.filled(panel["targets"][0]["expr"], self.values))

    def timeseries(self, axes, panel):
        series, defaults = self.ranges(panel), panel["fieldConfig"]["defaults"]
        palette = self.pyplot.get_cmap("tab20").colors
        times = sorted({at for _, points in series for at, _ in points})
        rows = []
        for number, (name, points) in enumerate(series):
            by_time = dict(points)
            rows.append((name, colour_of(panel, name, palette[number % 20]), [by_time.get(at, math.nan) for at in times]))
        seconds = [at - self.began for at in times]
        if defaults["custom"]["stacking"]["mode"] == "normal":
            axes.stackplot(seconds, [[0 if math.isnan(value) else value for value in row[2]] for row in rows],
                colors=[row[1] for row in rows], alpha=0.8)
        else:
            for _, colour, numbers in rows:
                axes.plot(seconds, numbers, color=colour, linewidth=1.2)
        if "scaleDistribution" in defaults["custom"]:
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0, top=defaults.get("max"))
        if defaults["custom"]["thresholdsStyle"]["mode"] == "dashed":
            for step in defaults["thresholds"]["steps"][1:]:
                axes.axhline(step["value"], color=COLOURS.get(step["color"], step["color"]), linestyle="--", linewidth=0.8)
        axes.yaxis.set_major_formatter(lambda value, _: in_unit(value, defaults["unit"], defaults.get("decimals")))
        self.legend(axes, rows, defaults)
        return len(rows)

    def legend(self, axes, rows, defaults):
        """Below, with the mean and the maximum, the largest first."""
        def mean(row):
            numbers = [value for value in row[2] if not math.isnan(value)]
            return sum(numbers) / len(numbers) if numbers else 0

        rows = sorted(rows, key=mean, reverse=True)
        handles = [self.pyplot.Line2D([], [], color=row[1], linewidth=3) for row in rows[:LEGEND_ROWS]]
        unit, decimals = defaults["unit"], defaults.get("decimals")
        names = [f"{row[0]}   mean {in_unit(mean(row), unit, decimals)}  "
                 f"max {in_unit(max(v for v in row[2] if not math.isnan(v)), unit, decimals)}"
                 for row in rows[:LEGEND_ROWS]]
        if len(rows) > LEGEND_ROWS:
            names[-1] += f"   (and {len(rows) - LEGEND_ROWS} more)"
        axes.legend(handles, names, loc="upper left", bbox_to_anchor=(0, -0.1),
            fontsize=6.5, frameon=False, labelcolor=TEXT, borderaxespad=0)

    def stat(self, axes, panel):
        (_, points), = self.ranges(panel)
        defaults = panel["fieldConfig"]["defaults"]
        numbers = [value for _, value in points if not math.isnan(value)]
        colour = threshold_colour(defaults["thresholds"]["steps"], numbers[-1])
        axes.fill_between(range(len(numbers)), numbers, color=colour, alpha=0.2)
        axes.set_axis_off()
        axes.set_ylim(0, max(*numbers, 1e-9) * 3)
        axes.text(0.5, 0.6, in_unit(numbers[-1], defaults["unit"], defaults.get("decimals")), transform=axes.transAxes,
            color=colour, fontsize=20, ha="center",
                  va="center")
        return 1

    def barchart(self, axes, panel):
        table = {}
        for metric, value in self.rows(panel):
            table.setdefault(metric["row"], {})[metric["state"]] = value
        states = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
        names, left = list(table), [0.0] * len(table)
        for state in states:
            widths = [table[name].get(state, 0.0) for name in names]
            if any(widths):
                axes.barh(names, widths, left=left, color=colour_of(panel, state, TEXT), label=state)
            left = [a + b for a, b in zip(left, widths)]
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(lambda value, _: in_unit(value, panel["fieldConfig"]["defaults"]["unit"]))
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.1), ncol=len(states), fontsize=6.5, frameon=False, labelcolor=TEXT)
        return len(names)

    def heatmap(self, axes, panel):
        series = sorted(((float(name), dict(points)) for name, points in self.ranges(panel)))
        times = sorted(series[-1][1])
        counts, below = [], {at: 0.0 for at in times}
        for _, points in series:
            counts.append([max(points.get(at, 0.0) - below[at], 0.0) or math.nan for at in times])
            below = {at: points.get(at, 0.0) for at in times}
        axes.pcolormesh([at - self.began for at in times], range(len(series)), counts, cmap="turbo", shading="nearest")
        axes.set_yticks([row - 0.5 for row in range(1, len(series))],
            [in_unit(edge, panel["options"]["yAxis"]["unit"]) for edge, _ in series[:-1]])
        return len(series)

    def table(self, axes, panel):
        organize = panel["transformations"][0]["options"]
        keys = sorted(organize["indexByName"], key=organize["indexByName"].get)
        unit = panel["fieldConfig"]["defaults"].get("unit")
        mappings = {}
        for override in panel["fieldConfig"]["overrides"]:
            for prop in override["properties"]:
                if prop["id"] == "mappings":
                    mappings = prop["value"][0]["options"]
        found = sorted(self.rows(panel), key=lambda row: -row[1])
        lines = [[organize["renameByName"][key] for key in keys]]
        for metric, value in found[:TABLE_ROWS]:
            shown = mappings[str(int(value))]["text"] if mappings else in_unit(value, unit)
            lines.append([shown if key == "Value" else metric.get(key, "") for key in keys])
        axes.set_axis_off()
        for number, line in enumerate(lines):
            for column, text in enumerate(line):
                axes.text(column / len(keys), 1 - number / (TABLE_ROWS + 1), text, transform=axes.transAxes,
                    fontsize=7.5, color=TEXT, va="top",
                          fontweight="bold" if not number else "normal")
        return len(found)

    def panel(self, figure, panel, height):
        place = panel["gridPos"]
        box = (place["x"] / 24 + 0.002, 1 - (place["y"] + place["h"]) / height + 0.001,
            place["w"] / 24 - 0.004, place["h"] / height - 0.002)
        figure.add_artist(self.pyplot.Rectangle(box[:2], box[2], box[3], facecolor=PANEL, zorder=-1, transform=figure.transFigure))
        title = "\n".join(textwrap.wrap(panel["title"], place["w"] * 8))
        figure.text(box[0] + 0.004, box[1] + box[3] - 0.3 / height, title, color=TEXT, fontsize=8.5, va="top", fontweight="bold")
        deep = {"timeseries": 2.6, "barchart": 1.6}.get(panel["type"], 0.7) / height
        wide = {"barchart": 0.13, "stat": 0.0, "table": 0.01}.get(panel["type"], 0.045)
        axes = figure.add_axes((box[0] + wide, box[1] + deep, box[2] - wide - 0.006, box[3] - deep - 1.1 / height), facecolor=PANEL)
        axes.tick_params(colors=TEXT, labelsize=6.5)
        axes.grid(color=GRID, linewidth=0.5)
        for spine in axes.spines.values():
            spine.set_color(GRID)
        return getattr(self, panel["type"])(axes, panel)


def draw(prometheus, values, began, now, path):
    """The number of panels in which something was drawn."""
    try:
        import matplotlib
    except ImportError:
        raise Skip("python3-matplotlib is not installed") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.Line2D, pyplot.Rectangle = matplotlib.lines.Line2D, matplotlib.patches.Rectangle
    board = dashboard.load()["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board)
    figure = pyplot.figure(figsize=(24 * CELL_INCHES[0], height * CELL_INCHES[1]), facecolor=BACKGROUND)
    picture = Picture(pyplot, prometheus, values, began, now)
    drawn = 0
    for panel in board:
        if panel["type"] == "row":
            figure.text(0.004, 1 - (panel["gridPos"]["y"] + 0.3) / height, "▾ " + panel["title"], color=TEXT, fontsize=10, va="top")
        else:
            drawn += picture.panel(figure, panel, height) > 0
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90, facecolor=BACKGROUND)
    pyplot.close(figure)
    return drawn
