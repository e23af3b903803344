# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw.fingerprint.flow_agreement import CUES, agree, flow_table
from ektp_hw.templates import FLOW_CELL, RidgeFlow

ROWS, COLUMNS = 9, 11


def whorl(turn=0.0, shift=(0.0, 0.0), period=9.0, gaps=False):
    """Circles around the middle of the table; turned and shifted as a finger would be."""
    row, column = np.mgrid[:ROWS, :COLUMNS] + 0.5
    x, y = column * FLOW_CELL - shift[0], -row * FLOW_CELL - shift[1]
    # An ellipse, so that a turn shows.
    x, y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    angle = np.arctan2(x - 170, -3 * (y + 140)) + turn
    periods = np.full((ROWS, COLUMNS), period)
    if gaps:
        periods[::2, ::3] = np.nan
    return RidgeFlow.from_fields(angle, periods)


def cues(one, other, fit=(1.0, 0.0, 0.0, 0.0), swapped=False):
    table, others = flow_table(one), flow_table(other)
    found = agree(
        table, others.ravel(), np.array([others.shape[1:]]), np.array([swapped]),
        np.array([fit]), FLOW_CELL,
    )  # fmt: skip
    return dict(zip(CUES, found[0], strict=True))


def test_a_flow_agrees_with_itself_everywhere():
    found = cues(whorl(), whorl())
    assert found["flow_cells"] == ROWS * COLUMNS
    assert found["flow_agreement"] == pytest.approx(ROWS * COLUMNS, rel=1e-4)
    assert found["period_gap"] == 0


@pytest.mark.parametrize("swapped", [False, True])
def test_a_turned_finger_agrees_under_its_turn(swapped):
    turn, shift = 0.7, (64.0, 20.0)
    fit = (np.cos(turn), np.sin(turn), *shift)
    plain, turned = whorl(), whorl(turn, shift)
    one, other = (turned, plain) if swapped else (plain, turned)
    found = cues(one, other, fit, swapped)
    assert found["flow_cells"] > 30
    assert found["flow_agreement"] > 0.95 * found["flow_cells"]
    untold = cues(one, other, (1.0, 0.0, *shift), swapped)
    assert untold["flow_agreement"] < 0.6 * untold["flow_cells"]


def test_other_periods_show():
    found = cues(whorl(), whorl(period=11.0))
    assert found["period_gap"] == pytest.approx(found["flow_cells"] * np.log(11 / 9), rel=1e-2)


def test_only_cells_that_both_show_count():
    assert cues(whorl(gaps=True), whorl())["flow_cells"] == ROWS * COLUMNS - 5 * 4
    assert cues(whorl(), whorl(gaps=True))["flow_cells"] == ROWS * COLUMNS - 5 * 4
    assert cues(whorl(), whorl(), (1.0, 0.0, 5000.0, 0.0))["flow_cells"] == 0


def test_unknown_flow_is_told_apart_from_no_overlap():
    assert np.isnan(cues(None, whorl())["flow_cells"])
    assert np.isnan(cues(whorl(), None)["flow_cells"])
    assert cues(whorl(), whorl(), (0.0, 0.0, 0.0, 0.0))["flow_cells"] == 0
