# SPDX-License-Identifier: BSD-2-Clause
"""What a run should come to: the goals of the page. The bounds that hold today, which `make check` insists on, are check.py's."""

WRONG_MAX = 1  # in %, of a case: what is told as another request's, and not marked, must never be more

# Of every run: the Result's figure, at most or at least, by load and way (None: any), the first row that fits a figure counts.
GOALS = [
    # figure, kind, bound, load, way
    ("right", "least", 98, "32 attached in the middle", None),
    ("right", "least", 85, "32 saturated", "pool"),
    ("right", "least", 85, "128 saturated", "pool"),
    ("right", "least", 98, None, "executor"),
    ("right", "least", 99, None, None),
    ("wrong", "most", WRONG_MAX, None, None),
    ("ambiguous", "most", 15, "32 saturated", "pool"),
    ("ambiguous", "most", 15, "128 saturated", "pool"),
    ("ambiguous", "most", 3, None, None),
    ("net_ms", "most", 0.3, None, None),
    ("conservation", "most", 0.5, None, None),
]


def goals_for(load, way):
    """(figure, kind, bound) of each figure that has a goal."""
    found = {}
    for figure, kind, bound, of_load, of_way in GOALS:
        if of_load in (None, load) and of_way in (None, way):
            found.setdefault(figure, (figure, kind, bound))
    return list(found.values())


def is_met(result, figure, kind, bound):
    value = getattr(result, figure)
    return value >= bound if kind == "least" else value <= bound


def missed(result, load, way):
    """The names of the figures that miss their goal."""
    return [figure for figure, kind, bound in goals_for(load, way) if not is_met(result, figure, kind, bound)]
