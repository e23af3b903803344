# SPDX-License-Identifier: Apache-2.0
"""What `native.match` says of two impressions whose likeness is known."""

import numpy as np
import pytest

import oracles_prepare
import prints
from ektp_hw import native
from ektp_hw.fingerprint.comparison import CUES, cues_of
from ektp_hw.fingerprint.comparison_parameters import AlignmentParameters, PairingParameters
from ektp_hw.templates import FLOW_CELL, FingerprintTemplate, RidgeFlow

COUNT = 40
ROWS, COLUMNS = 9, 11
MINUTIAE_CUES = CUES[:5]
PARAMETERS = native.match_parameters(AlignmentParameters(), PairingParameters())


@pytest.fixture(scope="module")
def finger():
    return prints.scatter(8, COUNT, extent=120.0)


def compared(one, other):
    """Return the cues by name, and pairs of minutiae: (k, 2) indices into one and the other."""
    cues, partners, swapped = native.match_one(native.pack(**one), native.pack(**other), PARAMETERS)
    laid_over = np.flatnonzero(partners >= 0)
    pairs = np.column_stack((laid_over, partners[laid_over]))
    return dict(zip(CUES, cues.tolist(), strict=True)), pairs[:, ::-1] if swapped else pairs


def same_minutiae(one, other, pairs):
    """Share of the pairs that are the same minutia: their masks, which nothing changes, tell."""
    return (one["masks"][pairs[:, 0]] == other["masks"][pairs[:, 1]]).all(axis=1).mean()


def whorl(turn=0.0, shift=(0.0, 0.0), period=9.0, gaps=False):
    """Ellipses around the middle of the table; turned and shifted as a finger would be."""
    row, column = np.mgrid[:ROWS, :COLUMNS] + 0.5
    x, y = column * FLOW_CELL - shift[0], -row * FLOW_CELL - shift[1]
    x, y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    angle = np.arctan2(x - 170, -3 * (y + 140)) + turn
    periods = np.full((ROWS, COLUMNS), period)
    if gaps:
        periods[::2, ::3] = np.nan
    return RidgeFlow.from_fields(angle, periods)


def with_flow(one, flow):
    return one | {"flow": oracles_prepare.flow_table(flow)}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("turn", [0.0, 0.05, 1.7, np.pi, 6.25])
def test_a_moved_copy_fits_perfectly(finger, turn, swapped):
    moved = prints.again(finger, 1, turn=turn, shift=(40.0, -25.0))
    one, other = (moved, finger) if swapped else (finger, moved)
    cues, pairs = compared(one, other)
    trust = finger["columns"][4].sum()
    assert len(pairs) == COUNT
    assert same_minutiae(one, other, pairs) == 1.0
    for name in ("pairs", "fit", "common_a", "common_b"):
        assert cues[name] == pytest.approx(trust, rel=1e-3)


def test_a_copy_is_as_alike_as_its_codes_allow(finger):
    ones = prints.bits(finger["codes"]).sum(axis=1)
    alike = np.floor(510 * ones / (2 * ones + AlignmentParameters().prior)) / 255
    cues, _ = compared(finger, finger)
    assert cues["likeness"] == pytest.approx((alike * finger["columns"][4]).sum(), rel=1e-5)


def test_skin_that_stretches_still_finds_its_partners(finger):
    stretched = prints.again(finger, 1, turn=0.8, bend=14.0)
    cues, pairs = compared(finger, stretched)
    assert len(pairs) > 0.8 * COUNT
    assert same_minutiae(finger, stretched, pairs) > 0.95
    assert cues["fit"] > 0.5 * finger["columns"][4].sum()


def test_disturbed_minutiae_fit_less(finger):
    fits = [compared(finger, prints.again(finger, 1, noise=noise))[0]["fit"] for noise in (0, 2, 4)]
    assert fits[1] < 0.97 * fits[0]
    assert fits[2] < 0.97 * fits[1]


def test_minutiae_that_only_one_shows_are_not_in_the_others_area(finger):
    left = finger["columns"][0] < 0
    part = {name: finger[name][left] for name in ("steps", "codes", "masks")}
    part |= {"columns": finger["columns"][:, left].copy(), "flow": finger["flow"]}
    part |= {"corners": prints.hull(*part["columns"][:2].astype(float)).astype(np.float32)}
    cues, pairs = compared(finger, part | {"digest": bytes(16)})
    assert len(pairs) == left.sum()
    trust = part["columns"][4].sum()
    assert cues["common_a"] == pytest.approx(trust, rel=1e-3), "the smaller one is laid over"
    assert 0.999 * trust < cues["common_b"] < 1.3 * trust


def test_trust_scales_every_cue(finger):
    other = prints.again(finger, 1, turn=0.3, bend=5.0, noise=1.0)
    whole, _ = compared(finger, other)
    scale = np.array([[1], [1], [1], [1], [0.5]], np.float32)
    half, _ = compared(*(each | {"columns": each["columns"] * scale} for each in (finger, other)))
    for name in MINUTIAE_CUES:
        assert half[name] == pytest.approx(0.5 * whole[name], rel=1e-3)


def test_where_nothing_is_alike_nothing_is_paired(finger):
    blank = finger | {"codes": np.zeros_like(finger["codes"])}
    cues, pairs = compared(finger, blank)
    assert not any(cues.values())
    assert len(pairs) == 0


def test_a_flow_agrees_with_itself_everywhere(finger):
    one = with_flow(finger, whorl())
    cues, _ = compared(one, one)
    assert cues["flow_cells"] == ROWS * COLUMNS
    assert cues["flow_agreement"] == pytest.approx(ROWS * COLUMNS, rel=1e-4)
    assert cues["period_gap"] == 0


@pytest.mark.parametrize("swapped", [False, True])
def test_a_turned_finger_agrees_under_its_turn(finger, swapped):
    turn, shift = 0.7, (64.0, 20.0)
    plain = with_flow(finger, whorl())
    turned = with_flow(prints.again(finger, 1, turn=turn, shift=shift), whorl(turn, shift))
    cues, _ = compared(turned, plain) if swapped else compared(plain, turned)
    assert cues["flow_cells"] > 30
    assert cues["flow_agreement"] > 0.95 * cues["flow_cells"]
    other_ridges = with_flow(prints.again(finger, 1, shift=shift), whorl(turn, shift))
    cues, _ = compared(other_ridges, plain) if swapped else compared(plain, other_ridges)
    assert cues["flow_cells"] > 30
    assert cues["flow_agreement"] < 0.6 * cues["flow_cells"]


def test_other_periods_show(finger):
    cues, _ = compared(with_flow(finger, whorl()), with_flow(finger, whorl(period=11.0)))
    assert cues["period_gap"] == pytest.approx(cues["flow_cells"] * np.log(11 / 9), rel=1e-2)


def test_only_cells_that_both_show_count(finger):
    whole, holed = with_flow(finger, whorl()), with_flow(finger, whorl(gaps=True))
    far = with_flow(prints.again(finger, 1, shift=(5000.0, 0.0)), whorl())
    assert compared(holed, whole)[0]["flow_cells"] == ROWS * COLUMNS - 5 * 4
    assert compared(whole, holed)[0]["flow_cells"] == ROWS * COLUMNS - 5 * 4
    assert compared(whole, far)[0]["flow_cells"] == 0


def test_unknown_flow_is_told_apart_from_no_overlap(finger):
    known, unknown = with_flow(finger, whorl()), with_flow(finger, None)
    for pair in ((known, unknown), (unknown, known), (unknown, unknown)):
        cues, pairs = compared(*pair)
        assert np.isnan(cues["flow_cells"])
        assert len(pairs) == COUNT
    blank = known | {"codes": np.zeros_like(finger["codes"])}
    assert compared(known, blank)[0]["flow_cells"] == 0


def test_the_columns_of_cues_are_named_in_order():
    random = np.random.default_rng(2)
    x, y = random.uniform(60, 220, (2, COUNT))
    direction = random.uniform(0, 2 * np.pi, COUNT)
    with_ridges, without = (
        FingerprintTemplate.from_minutiae(x, y, direction, width=340, height=280, flow=flow)
        for flow in (whorl(), None)
    )
    found = cues_of(with_ridges, [with_ridges, without])
    assert found.dtype == np.float64
    for row in found:
        cues = dict(zip(CUES, row, strict=True))
        for name in ("pairs", "fit", "common_a", "common_b"):
            assert cues[name] == pytest.approx(COUNT, rel=1e-3)
    np.testing.assert_allclose(found[0, 6:], [ROWS * COLUMNS, ROWS * COLUMNS, 0], rtol=1e-3)
    assert np.isnan(found[1, 6])
