# SPDX-License-Identifier: BSD-2-Clause
"""Results of rounds, kept as JSON lines as they are made, so that a long run can be made in pieces and the page written from all of them.
What a round's result is, a dataclass, whoever keeps them says.

A line names the programs that it was measured with: those of other programs, or of another number of requests, are never mixed in.
"""
import dataclasses
import hashlib
import json

import lab as labs

PROGRAMS = ("iocpu-trace", "rec_to_requests")  # what traces, and what tells: the one has the kernel half, the other the engine


def digest_of_programs():
    digest = hashlib.sha256()
    for program in PROGRAMS:
        digest.update((labs.BUILD / program).read_bytes())
    return digest.hexdigest()[:16]


class Results:
    """Rounds, failures and skips of this program, in the order in which they came."""

    def __init__(self, path, requests, result):
        self.path, self.result = path, result
        self.mark = {"programs": digest_of_programs(), "requests_asked": requests}
        self.rounds, self.failed, self.skipped = {}, {}, {}
        self.left_out = 0
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            kept = json.loads(line)
            if kept["mark"] != self.mark:
                self.left_out += 1
            else:
                self._take(kept)

    def _take(self, kept):
        if "skipped" in kept:
            self.skipped[kept["server"]] = kept["skipped"]
        elif "failed" in kept:
            self.failed[kept["case"]] = kept["failed"]
        elif kept["round"] is None:
            self.rounds.pop(kept["case"], None)
            self.failed.pop(kept["case"], None)
        else:
            self.failed.pop(kept["case"], None)
            self.rounds.setdefault(kept["case"], []).append(self.result(**kept["round"]))

    def _add(self, kept):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"mark": self.mark, **kept}) + "\n")
        self._take(kept)

    def add(self, case, result):
        self._add({"case": case, "round": dataclasses.asdict(result)})

    def fail(self, case, reason):
        """Until a round of it succeeds."""
        self._add({"case": case, "failed": reason})

    def skip(self, server, reason):
        self._add({"server": server, "skipped": reason})

    def forget(self, case):
        """Its rounds until now count no longer."""
        if case in self.rounds or case in self.failed:
            self._add({"case": case, "round": None})

    def of(self, case):
        return self.rounds.get(case, [])
