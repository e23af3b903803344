# SPDX-License-Identifier: Apache-2.0
"""The drivers' tables print: one row for every fault, one for every driver's latency and leaks."""

import subprocess
import sys
from pathlib import Path

from rigs.zk4500 import RIG

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def rows(script, *options):
    out = subprocess.run(
        [sys.executable, BENCHMARKS / script, "zk4500", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()]


def test_the_fault_table():
    head, _, *body = rows("fault_table.py")
    assert head == ["driver", "fault", "what the caller gets", "s", "usable again"]
    assert [row[1] for row in body] == list(RIG.faults)
    assert all(row[2].startswith(("`", "right sample")) for row in body)
    assert all(row[4].startswith("yes") for row in body)
    assert {row[2].split()[0] for row in body if row[1] == "unplug"} == {"`DeviceRemoved`"}


def test_the_latency_table():
    head, _, row = rows("driver_latency.py", "--captures", "3", "--cycles", "3")
    told = dict(zip(head, row, strict=True))
    assert 0 < float(told["latency, ms (median)"]) <= float(told["(worst)"])
    assert float(told["previews/s"]) > 10
    assert (told["cycles"], told["files"], told["threads"]) == ("3", "+0", "+0")
