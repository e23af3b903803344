# SPDX-License-Identifier: Apache-2.0
"""Minutiae against truth: who is paired with whom, what is counted, and what two scores make."""

import sys
from pathlib import Path

import numpy as np
import pytest

from ektp_hw.templates import FingerprintTemplate, MinutiaKind

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from learned_pictures import FAULTS, FIRST_FINGER, PICTURES, palette, sheet
from minutiae_truth import Truth, marked, pairs, seen, summed_up
from two_roads import RULES, sets_in, together

from ektp_hw.synthetic import SyntheticFinger

PAGE = PICTURES.parent / "LEARNED.md"
MARKS = """<annotation><object><name>termination</name><bndbox><xmin>10</xmin><ymin>20</ymin>
<xmax>20</xmax><ymax>26</ymax></bndbox></object><object><name>bifurcation</name><bndbox>
<xmin>100</xmin><ymin>50</ymin><xmax>110</xmax><ymax>60</ymax></bndbox></object></annotation>"""


def found(x, y, direction, reliability, kind=MinutiaKind.ENDING):
    return FingerprintTemplate.from_minutiae(
        x, y, direction, kind=[kind] * len(x), reliability=reliability, width=200, height=200
    )


def true(x, y, direction):
    directions = None if direction is None else np.array(direction, float)
    return Truth(np.array(x, float), np.array(y, float), directions, np.full(len(x), 1))


def test_each_minutia_is_in_one_pair_the_nearest_first():
    template = found([50, 54, 150], [50, 50, 150], [0, 0, 0], [0.9, 0.9, 0.9])
    chosen = pairs(template, true([53, 152], [50, 150], None), 15.0)
    where = {(int(template.x[a]), b) for a, b in chosen.tolist()}
    assert where == {(54, 0), (150, 1)}


def test_a_direction_counts_where_the_truth_has_one():
    template = found([50], [50], [0.1], [0.9])
    assert len(pairs(template, true([50], [50], None), 8.0)) == 1
    assert len(pairs(template, true([50], [50], [2 * np.pi - 0.1]), 8.0)) == 1
    assert len(pairs(template, true([50], [50], [np.pi]), 8.0)) == 0


def test_what_is_counted():
    template = found([50, 90, 150], [50, 90, 150], [0, 0, 0], [0.9, 0.2, 0.8])
    told = summed_up([seen(template, true([53, 150], [54, 150], [0, 0.2]), 15.0)])
    assert told["precision"] == pytest.approx(2 / 3)
    assert told["recall"] == 1
    assert told["f1"] == pytest.approx(0.8)
    assert told["f1_90"] == pytest.approx([0.8, 0.8])
    assert told["best_n"] == 1  # of the two most reliable, both are right
    assert told["distance"] == pytest.approx(2.5)
    assert told["turn"] == pytest.approx(np.rad2deg(0.1), abs=1.5)  # stored in steps of 1.4 degrees
    assert told["right_kind"] == 1


def test_nothing_found_and_nothing_true():
    nothing = found([], [], [], [])
    told = summed_up(
        [
            seen(nothing, true([5], [5], [0]), 8.0),
            seen(found([5], [5], [0], [1]), true([5], [5], [0]), 8.0),
        ]
    )
    assert (told["precision"], told["recall"]) == (1, 0.5)


def test_marks_are_the_middles_of_boxes(tmp_path):
    path = tmp_path / "101_1.xml"
    path.write_text(MARKS, encoding="utf-8")
    truth = marked(path)
    assert truth.x.tolist() == [15, 105]
    assert truth.y.tolist() == [23, 55]
    assert truth.kind.tolist() == [MinutiaKind.ENDING, MinutiaKind.BIFURCATION]
    assert truth.direction is None


def test_two_scores_are_put_together():
    both = together((np.array([4.0]), np.array([1.0])), (np.array([8.0]), np.array([0.0])))
    assert {rule: [float(each[0]) for each in scores] for rule, scores in both.items()} == {
        "first alone": [4, 1],
        "second alone": [8, 0],
        "maximum": [8, 1],
        "mean": [6, 0.5],
        "3 : 1": [5, 0.75],
    }
    assert both.keys() == RULES.keys()


def test_sets_are_found_in_a_folder_or_are_it(tmp_path):
    (tmp_path / "fvc1" / "DB1_B").mkdir(parents=True)
    assert sets_in([tmp_path]) == [tmp_path / "fvc1" / "DB1_B"]
    assert sets_in([tmp_path / "fvc1" / "DB1_B"]) == [tmp_path / "fvc1" / "DB1_B"]


def test_faults_change_the_picture_and_not_the_finger():
    finger = SyntheticFinger(FIRST_FINGER)
    sound = FAULTS["none"](finger)
    for name in ("smeared", "creased", "latent print below"):
        spoilt = FAULTS[name](finger)
        assert (spoilt.image.pixels != sound.image.pixels).mean() > 0.01
        assert (spoilt.truth.x == sound.truth.x).all()


def test_a_palette_fits_a_small_picture_and_a_sheet_is_whole():
    assert len(palette()) <= 256
    assert sheet([np.zeros((10, 20, 3), np.uint8)] * 5, 3).shape == (28, 72, 3)


def test_the_page_shows_every_picture_that_there_is():
    shown = PAGE.read_text(encoding="utf-8")
    pictures = sorted(PICTURES.glob("*.png"))
    assert len(pictures) == 3
    for each in pictures:
        assert f"](pictures/{each.name})" in shown
