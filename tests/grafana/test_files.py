# SPDX-License-Identifier: BSD-2-Clause
"""The files by themselves: promtool on rules and configuration, Grafana's own types on the dashboard."""
import json
import re
import subprocess

import yaml

import dashboard
import packages
from lab import ROOT

# Options and custom field configuration of a panel, by its type: types of these names in Grafana's package.
PANEL_MODULES = {"timeseries": "timeseries", "heatmap": "heatmap", "table": "table", "stat": "stat", "barchart": "barchart"}
SELECTORS = re.compile(r"(iocpu_\w+)(\{[^}]*\}|)")
VARIABLES = re.compile(r'(\w+)=~"\$\1"')


def run(tap, name, *command, **how):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **how)
    text = (done.stdout + done.stderr).strip()
    return tap.check(name, done.returncode == 0, "" if done.returncode == 0 else text[-2000:].replace("\n", "; "))


def promtool(tap):
    run(tap, "promtool check rules", "promtool", "check", "rules", dashboard.FOLDER / "rules.yml")
    run(tap, "promtool check config", "promtool", "check", "config", dashboard.FOLDER / "prometheus.yml")
    run(tap, "promtool test rules", "promtool", "test", "rules", packages.HERE / "rules_test.yml")
    rules = dashboard.rules()
    tested = (packages.HERE / "rules_test.yml").read_text(encoding="utf-8")
    tap.equal("rules without a unit test", [name for rule in rules if (name := rule.get("alert") or rule["record"]) not in tested], [])


def judged(tap):
    """What makes a panel one that a stranger can read."""
    board = dashboard.load()
    panels = dashboard.panels()
    tap.equal("ids are there once", len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
    tap.equal("panels without a question for a title", [panel["title"] for panel in panels if not re.search(r"[?]$", panel["title"])], [])
    tap.equal("panels without a description", [panel["title"] for panel in panels if len(panel.get("description", "")) < 40], [])
    tap.equal("panels without a unit", [panel["title"] for panel in panels if not unit_of(panel)], [])
    tap.equal("series without a legend", [panel["title"] for panel in panels for target in panel["targets"]
                                          if panel["type"] in ("timeseries", "heatmap") and not target.get("legendFormat")], [])
    tap.equal("panels that overlap, or leave the grid", overlaps(board["panels"]), [])
    families = labels_by_family()
    tap.equal("queries that the variables do not reach", [f"{panel['title']} {name}" for panel in panels for target in panel["targets"]
                                                          for name, labels in SELECTORS.findall(target["expr"])
                                                          if not reaching(families[family_of(name)]) <= set(VARIABLES.findall(labels))], [])
    names = {family_of(name) for panel in panels for target in panel["targets"] for name in re.findall(r"iocpu_\w+", target["expr"])}
    tap.equal("metrics that docs/metrics.md does not know", names - set(families), set())


def family_of(name):
    return re.sub(r"_(bucket|sum|count)$", "", name)


def labels_by_family():
    """As docs/metrics.md has them."""
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    return {name: set(labels.split(", ")) for name, labels in re.findall(r"^\| `(iocpu_\w+)` \| [^|:]*(?:: )?([^|]*) \|", page, re.M)}


def reaching(labels):
    """The variables that choose among series with these labels: a service may be that of a pod."""
    return {"instance"} | ({"namespace", "pod", "service"} if "service" in labels else set()) | ({"endpoint"} & labels)


def unit_of(panel):
    """A table's may stand for a column."""
    overrides = [fixed["id"] for override in panel["fieldConfig"]["overrides"] for fixed in override["properties"]]
    return panel["fieldConfig"]["defaults"].get("unit") or panel["options"].get("yAxis", {}).get("unit") or "mappings" in overrides


def overlaps(panels):
    cells, found = set(), []
    for panel in panels:
        place = panel["gridPos"]
        own = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if own & cells or place["x"] + place["w"] > 24:
            found.append(panel["title"])
        cells |= own
    return found


def provisioning(tap):
    for name, key in (("datasource.yml", "datasources"), ("dashboards.yml", "providers")):
        told = yaml.safe_load((dashboard.FOLDER / name).read_text(encoding="utf-8"))
        tap.check(f"{name} is provisioning of version 1",
            told["apiVersion"] == 1 and all("name" in entry and "type" in entry for entry in told[key]))


def types(tap):
    """The JSON as a literal of the types in @grafana/schema: a wrong name, a missing one or a wrong value does not compile."""
    folder = packages.install()
    board = dashboard.load()
    tap.equal("panel types without a type to check them", {panel["type"] for panel in dashboard.panels()} - set(PANEL_MODULES), set())
    (folder / "dashboard.ts").write_text(as_typescript(board), encoding="utf-8")
    tsc = [folder / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck",
        "--module", "nodenext", "--moduleResolution", "nodenext",
           "dashboard.ts"]
    run(tap, "the dashboard compiles as Grafana's types", *tsc, cwd=folder)
    board["panels"][1]["options"]["colourMode"] = "value"
    (folder / "dashboard.ts").write_text(as_typescript(board), encoding="utf-8")
    wrong = subprocess.run([str(part) for part in tsc], cwd=folder, capture_output=True, text=True, check=False)
    tap.check("and does not with a wrong option", wrong.returncode != 0 and "colourMode" in wrong.stdout)


def as_typescript(board):
    """Enumerations are their values in JSON, which Json<> says; each panel's options and custom fields are checked as its type's own."""
    lines = ['import type { Dashboard } from "@grafana/schema";']
    for kind, module in PANEL_MODULES.items():
        place = f"./node_modules/@grafana/schema/dist/types/raw/composable/{module}/panelcfg/x/types.gen"
        lines.append(f'import type * as {kind} from "{place}";')
    lines += [
        "type Json<T> = T extends string ? `${T}`",
        "    : T extends number ? (`${T}` extends `${infer N extends number}` ? N : T) : T extends boolean | null | undefined ? T",
        "    : unknown extends T ? T : T extends Array<infer E> ? Json<E>[] : T extends object ? { [K in keyof T]: Json<T[K]> } : T;",
        f"export const board: Json<Dashboard> = {json.dumps(board)};",
    ]
    for panel in board["panels"]:
        if panel["type"] == "row":
            continue
        number, kind = panel["id"], panel["type"]
        lines.append(f"export const options_{number}: Json<{kind}.Options> = {json.dumps(panel['options'])};")
        if kind in ("timeseries", "barchart", "heatmap"):
            custom = json.dumps(panel["fieldConfig"]["defaults"]["custom"])
            lines.append(f"export const custom_{number}: Json<Partial<{kind}.FieldConfig>> = {custom};")
    return "\n".join(lines) + "\n"


TOPICS = {"files/promtool": promtool, "files/judged": judged, "files/provisioning": provisioning, "files/types": types}
