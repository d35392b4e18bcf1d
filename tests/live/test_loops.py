# SPDX-License-Identifier: BSD-2-Clause
"""Event loops that run what waited for a read in a later round (rule 11): asyncio's streams."""
from test_real import BY_KERNEL, REAL, mixed

PYTHON = "/usr/bin/python3"
# Without /parallel: tasks that one task starts are seen by their calls alone.
MIX = "8 /work?cpu=2000&calls=2&hold=5000&id=#, 3 /json?id=#, 2 /cpu?id=#, 1 /typical?id=#"


def asyncio_streams(calls):
    def topic(tap):
        mixed(tap, [PYTHON, REAL / "python_asyncio.py"], "--calls", calls, mix=MIX, options=BY_KERNEL)
    return topic


TOPICS = {
    "asyncio": asyncio_streams("new"),
    "asyncio, kept connections": asyncio_streams("kept"),
}
