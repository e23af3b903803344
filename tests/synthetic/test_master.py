# SPDX-License-Identifier: Apache-2.0
"""The true minutiae are where the ridges say they are."""

import cv2
import numpy as np
import pytest

from ektp_hw.synthetic import Pattern, SyntheticFinger
from ektp_hw.synthetic.pattern import HEIGHT, WIDTH
from ektp_hw.templates import MinutiaKind


@pytest.fixture(scope="module")
def masters():
    return [SyntheticFinger(seed, pattern=pattern).master for seed, pattern in enumerate(Pattern)]


def line_count(relief, x, y, direction, ahead):
    """Ridges cut by a line across the flow, in parts of a period."""
    across = np.arange(-9.0, 9.01, 0.25)
    px = x + ahead * np.cos(direction) - across * np.sin(direction)
    py = y - ahead * np.sin(direction) - across * np.cos(direction)
    inside = (px > 0) & (px < WIDTH - 1) & (py > 0) & (py < HEIGHT - 1)
    if not inside.all():
        return None
    profile = relief[np.rint(py).astype(int), np.rint(px).astype(int)]
    phase = np.unwrap(np.angle(analytic(profile)))
    return abs(phase[-8] - phase[8]) / (2 * np.pi)


def analytic(profile):
    spectrum = np.fft.fft(profile - profile.mean())
    spectrum[len(profile) // 2 + 1 :] = 0
    return np.fft.ifft(2 * spectrum)


def test_there_are_as_many_minutiae_as_on_a_real_finger_and_of_both_kinds(masters):
    for master in masters:
        assert 30 <= len(master.x) <= 130
        share = (master.kind == MinutiaKind.ENDING).mean()
        assert 0.25 < share < 0.75
        assert set(np.unique(master.kind)) == {MinutiaKind.ENDING, MinutiaKind.BIFURCATION}


def test_more_ridges_lie_ahead_of_a_minutia_than_behind(masters):
    gains = []
    for master in masters:
        for x, y, direction in zip(master.x, master.y, master.direction, strict=True):
            ahead = line_count(master.relief, x, y, direction, 7.0)
            behind = line_count(master.relief, x, y, direction, -7.0)
            if ahead is not None and behind is not None:
                gains.append(ahead - behind)
    assert len(gains) > 150
    assert np.mean(np.array(gains) > 0) > 0.85
    assert 0.3 < np.median(gains) < 0.8  # 4 atan(1) / 2 pi as far away as half the line is long


def test_an_ending_lies_on_a_light_spot_and_a_bifurcation_on_a_dark_one(masters):
    for master in masters:
        spots = cv2.GaussianBlur(master.relief, (0, 0), 2.0)
        at = spots[np.rint(master.y).astype(int), np.rint(master.x).astype(int)]
        assert ((at > 0) == (master.kind == MinutiaKind.BIFURCATION)).mean() > 0.8


def test_ridges_have_the_stated_period(masters):
    for master in masters:
        spectrum = np.abs(np.fft.fft2(master.relief))
        fy, fx = np.meshgrid(np.fft.fftfreq(HEIGHT), np.fft.fftfreq(WIDTH), indexing="ij")
        frequency = np.hypot(fx, fy)
        band = frequency > 0.05
        mean = (frequency * spectrum**2)[band].sum() / (spectrum**2)[band].sum()
        assert 0.85 < 1 / mean / master.period < 1.2
        assert 7.5 < master.period < 11


def test_the_relief_is_full_of_ridges_everywhere(masters):
    for master in masters:
        assert master.relief.shape == (HEIGHT, WIDTH)
        assert np.abs(master.relief).max() <= 1
        blocks = np.abs(master.relief).reshape(HEIGHT // 32, 32, WIDTH // 32, 32).mean((1, 3))
        assert blocks[1:-1, 1:-1].min() > 0.2
