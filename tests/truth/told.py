# SPDX-License-Identifier: BSD-2-Clause
"""What the tracer tells of a recording, as rec_to_requests prints it: requests with their states and runs, processes, losses."""
import collections
import dataclasses

Stretch = collections.namedtuple("Stretch", "state start_ns end_ns")
Run = collections.namedtuple("Run", "tid start_ns end_ns")
Process = collections.namedtuple("Process", "tgid cpu_ns request_ns after_ns runtime_ns background_ns unattributed_ns")


@dataclasses.dataclass
class Told:
    """One request. `traced` is what tests/live/truth.py takes."""

    target: str
    status: int
    ambiguous: bool
    start_ns: int
    end_ns: int
    cpu_time_ns: int
    after_ns: int
    stolen_ns: int
    stretches: list = dataclasses.field(default_factory=list)
    runs: list = dataclasses.field(default_factory=list)
    calls: list = dataclasses.field(default_factory=list)

    def state_ns(self):
        sums = collections.Counter()
        for stretch in self.stretches:
            sums[stretch.state] += stretch.end_ns - stretch.start_ns
        return sums

    def traced(self):
        return {"target": self.target, "state_ns": self.state_ns(), "calls": self.calls}

    def is_closed(self):
        """The states touch each other and fill the wall time."""
        at_ns = self.start_ns
        for stretch in self.stretches:
            if stretch.start_ns != at_ns or stretch.end_ns < at_ns:
                return False
            at_ns = stretch.end_ns
        return at_ns == self.end_ns


def parse(text):
    """(requests, processes, losses by name) of rec_to_requests' output."""
    requests, processes, losses = [], [], {}
    for line in text.splitlines():
        kind, first, *rest = line.split(" ")
        numbers = [int(word) for word in rest]
        if kind == "request":
            requests.append(Told(first, numbers[0], bool(numbers[1]), *numbers[2:]))
        elif kind == "state":
            requests[-1].stretches.append(Stretch(first, *numbers))
        elif kind == "run":
            requests[-1].runs.append(Run(int(first), *numbers))
        elif kind == "call":
            requests[-1].calls.append({"peer": first, "start_ns": numbers[0], "net_ns": numbers[1]})
        elif kind == "process":
            processes.append(Process(int(first), *numbers))
        else:
            losses[first] = losses.get(first, 0) + numbers[0]
    return requests, processes, losses
