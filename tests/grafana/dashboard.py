# SPDX-License-Identifier: BSD-2-Clause
"""The dashboard's panels and their queries, with the variables put in as Grafana does."""
import json

import yaml

from lab import ROOT

FOLDER = ROOT / "scripts/grafana"
PATH = FOLDER / "iocpu-trace.json"


def load():
    return json.loads(PATH.read_text(encoding="utf-8"))


def rules():
    """Of all groups, as they are written."""
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels():
    """All but the rows."""
    return [panel for panel in load()["panels"] if panel["type"] != "row"]


def filled(expression, values):
    """values: of the variables, by name. All other dollars are a mistake."""
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(f"${name}", values[name])
    if "$" in expression:
        raise RuntimeError(f"an unknown variable in {expression}")
    return expression


def values(rate_interval_s, range_s):
    """As with "All" chosen everywhere."""
    chosen = {name: ".*" for name in ("instance", "namespace", "pod", "service", "endpoint")}
    return {**chosen, "__rate_interval": f"{rate_interval_s}s", "__range": f"{range_s}s"}
