# SPDX-License-Identifier: Apache-2.0
"""The table of states: what leads where, and that nothing else does."""

import itertools

import pytest

from ektp_hw.devices.states import LEGAL_ARROWS, CaptureState, check_arrow

C = CaptureState
EXPECTED = {
    (C.CLOSED, C.READY),
    (C.READY, C.WAITING),
    (C.READY, C.REMOVED),
    (C.READY, C.CLOSED),
    (C.WAITING, C.ACQUIRING),
    (C.WAITING, C.READY),
    (C.WAITING, C.REMOVED),
    (C.ACQUIRING, C.WAITING),
    (C.ACQUIRING, C.READY),
    (C.ACQUIRING, C.REMOVED),
    (C.REMOVED, C.CLOSED),
}


def test_every_state_has_a_row_and_a_way_back_to_closed():
    assert set(LEGAL_ARROWS) == set(CaptureState)
    for start in CaptureState:
        reached = {start}
        for _ in CaptureState:
            reached |= {new for old in reached for new in LEGAL_ARROWS[old]}
        assert C.CLOSED in reached


@pytest.mark.parametrize(("old", "new"), [*itertools.product(CaptureState, repeat=2)])
def test_exactly_the_legal_arrows_are_let_through(old, new):
    if (old, new) in EXPECTED:
        check_arrow(old, new)
    else:
        with pytest.raises(RuntimeError, match="cannot go"):
            check_arrow(old, new)
