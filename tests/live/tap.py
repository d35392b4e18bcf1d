# SPDX-License-Identifier: BSD-2-Clause
"""Checks as TAP lines. A topic is a function that makes checks; what it raises is one more failed check."""
import traceback


class Skip(Exception):
    """This machine cannot do what the topic needs; says why."""


class Tap:
    """Prints a line a check; `detail` (figures, mostly) is shown beside it whether it holds or not."""

    def __init__(self):
        self.count = 0
        self.failed = 0
        self.topic = ""

    def _line(self, passed, text):
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {text}", flush=True)

    def check(self, name, passed, detail=""):
        self._line(bool(passed), f"{self.topic}: {name}{': ' if detail else ''}{detail}")
        return bool(passed)

    def equal(self, name, found, expected):
        return self.check(name, found == expected, f"{found}" if found == expected else f"{found}, not {expected}")

    def at_most(self, name, value, bound, unit=""):
        return self.check(name, value <= bound, f"{value:.3f}{unit} (at most {bound:g}{unit})")

    def at_least(self, name, value, bound, unit=""):
        return self.check(name, value >= bound, f"{value:.3f}{unit} (at least {bound:g}{unit})")

    def near(self, name, value, truth, tolerance, unit=""):
        """|value − truth| ≤ tolerance, all in the same unit."""
        return self.check(name, abs(value - truth) <= tolerance, f"{value:.3f}{unit}, truth {truth:.3f} (±{tolerance:.3g})")

    def run(self, name, topic):
        self.topic = name
        try:
            topic(self)
        except Skip as reason:
            print(f"ok {self.count + 1} - {name} # SKIP {reason}", flush=True)
            self.count += 1
        except Exception as error:  # whatever it is, the other topics go on
            self._line(False, f"{name}: {type(error).__name__}: {error}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
