# SPDX-License-Identifier: Apache-2.0
"""A hand signs alike each time, and a pad could have reported it."""

import numpy as np
import pytest

from ektp_hw.samples import SignatureTrace
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.synthetic.signature import RATE


def shape(trace):
    """100 points along the pen's time, centred and scaled."""
    at = np.linspace(0, len(trace) - 1, 100)
    points = np.stack([np.interp(at, np.arange(len(trace)), c) for c in (trace.x_mm, trace.y_mm)])
    points -= points.mean(axis=1, keepdims=True)
    return points / np.sqrt((points**2).mean())


@pytest.mark.parametrize("seed", range(8))
def test_a_trace_is_what_a_pad_reports(seed):
    trace = SyntheticPerson(seed).signature(0)
    assert isinstance(trace, SignatureTrace)
    assert np.diff(trace.seconds) == pytest.approx(1 / RATE)
    assert 1.0 < trace.seconds[-1] < 6.0
    assert 0 <= trace.x_mm.min() <= trace.x_mm.max() <= 96
    assert 0 <= trace.y_mm.min() <= trace.y_mm.max() <= 60
    assert np.ptp(trace.x_mm) > 15
    assert np.ptp(trace.y_mm) > 5
    assert trace.pressure.max() > 0.3
    speed = np.hypot(np.diff(trace.x_mm), np.diff(trace.y_mm)) * RATE
    assert 100 < speed.max() < 1500  # mm/s, as hands write


def test_the_same_number_is_the_same_signing():
    one, two = (SyntheticPerson(3).signature(1) for _ in range(2))
    assert one.x_mm.tobytes() == two.x_mm.tobytes()
    assert one.pressure.tobytes() == two.pressure.tobytes()
    assert one.x_mm.tobytes() != SyntheticPerson(3).signature(2).x_mm.tobytes()


def test_one_hand_signs_more_alike_than_two_hands():
    people = [SyntheticPerson(seed) for seed in range(6)]
    firsts = [shape(person.signature(0)) for person in people]
    own = [np.abs(shape(p.signature(1)) - f).mean() for p, f in zip(people, firsts, strict=True)]
    other = [np.abs(a - b).mean() for i, a in enumerate(firsts) for b in firsts[:i]]
    assert max(own) < min(other)
