# SPDX-License-Identifier: Apache-2.0
"""The tuning bench runs: it prints its table and keeps its log, on two small synthetic sets."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson

BENCH = Path(__file__).parents[2] / "benchmarks" / "fingerprint_sets.py"


@pytest.fixture
def sets(tmp_path):
    for name in ("fvc1/DB1_B", "fvc1/DB2_B"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for seed in (1, 2):
            finger = SyntheticPerson(seed).finger(FingerPosition.RIGHT_INDEX)
            for number in (1, 2):
                picture = Image.fromarray(finger.impression(number).image.pixels)
                picture.save(folder / f"{seed}_{number}.png", dpi=(500, 500))
    return tmp_path


def test_a_quick_run(sets):
    log = sets / "results" / "log.jsonl"
    command = [sys.executable, BENCH, sets, "--quick", "--rounds", "20", "--log", log]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "fvc1/DB2_B" in done.stdout
    (line,) = log.read_text(encoding="utf-8").splitlines()
    kept = json.loads(line)
    assert set(kept["sets"]) == {"fvc1/DB1_B", "fvc1/DB2_B"}
    assert kept["sets"]["fvc1/DB1_B"]["nonmated"] == 4
    low, high = kept["mean"]["eer_90"]
    assert 0.0 <= low <= high <= 1.0
    assert kept["settings"]["method"] == "learned"
    assert str(sets) not in line, "the log names no place of this machine"


def test_a_folder_without_sets_is_refused(tmp_path):
    command = [sys.executable, BENCH, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no fvc*/DB*_B" in done.stderr
