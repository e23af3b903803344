# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw quality`` and the discard plot: answers, advice, exit codes."""

import numpy as np
import pytest
from PIL import Image

from ektp_hw.fingerprint import assess_quality


def test_good_and_bad(ektp_hw, prints, picture):
    blank = picture(np.full((374, 388), 240, np.uint8), "blank.png")
    good = prints / "1_1.png"
    rows = ektp_hw("quality", good, blank, "--json")
    assert rows.code == 1
    assert [row["good_enough"] for row in rows.json] == [True, False]
    with Image.open(good) as opened:
        assert rows.json[0]["score"] == assess_quality(np.asarray(opened)).score
    assert rows.json[1]["score"] == 0
    assert [reason["name"] for reason in rows.json[1]["reasons"]] == ["no_finger"]
    assert rows.json[0]["measures"]["area_mm2"] > 50
    told = ektp_hw("quality", blank)
    assert told.code == 1
    assert "blank.png: 0 (no finger is seen: place the finger flat" in told.out


def test_threshold_decides(ektp_hw, prints):
    files = sorted(prints.glob("*.png"))
    assert ektp_hw("quality", *files, "--threshold", 0).code == 0
    assert ektp_hw("quality", *files, "--threshold", 100).code == 1


def test_not_a_print(refused, tmp_path, prints):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"words")
    assert "bad.png" in refused("quality", prints / "1_1.png", bad)
    refused("quality", tmp_path / "absent.png")
    refused("quality", bad, "--threshold", "101")


def test_discard_plot_lies_beside_the_other(ektp_hw, prints, tmp_path):
    pytest.importorskip("matplotlib")
    assert ektp_hw("evaluate", "fingerprint", prints, "--plot", tmp_path / "r.png").code == 0
    for name in ("r.png", "r-discard.png"):
        with Image.open(tmp_path / name) as drawn:
            assert len(np.unique(np.asarray(drawn.convert("L")))) > 20
