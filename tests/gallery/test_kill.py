# SPDX-License-Identifier: Apache-2.0
"""A few of the deaths of `benchmarks/gallery_kill.py`; all 200 with EKTP_HW_KILLS=200."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gallery_kill.py"
KILLS = os.environ.get("EKTP_HW_KILLS", "4")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the script kills copies of itself")
@pytest.mark.parametrize("busy", ["enrol", "delete", "compact", "dedup", "sieved dedup", "migrate"])
def test_killed_while_busy(busy):
    done = killing("--only", busy, "--moments", KILLS)
    assert done[busy]["kills"] == int(KILLS)
    assert done[busy]["acknowledged"] > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the script kills copies of itself")
def test_spoiled_at_random_places():
    places = 5 * int(KILLS)
    tally = killing("--only", "spoil", "--spoiled", str(places))["spoil"]
    assert {tally[each] for each in ("spoiled", "found", "located", "rest usable")} == {places}


def killing(*arguments):
    """Run the script, which ends with an error at the first thing lost or brought back."""
    command = [sys.executable, str(SCRIPT), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
