# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from ektp_hw import fingerprint
from ektp_hw.samples import FingerprintImage
from ektp_hw.templates import FLOW_CELL


def waves(angle, period, side=256):
    """Parallel ridges; `angle` counter-clockwise as seen, y downwards in the array."""
    y, x = np.mgrid[:side, :side]
    across = x * np.sin(angle) + y * np.cos(angle)
    return (128 - 90 * np.cos(2 * np.pi * across / period)).astype(np.uint8)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.2, 2.5])
@pytest.mark.parametrize("period", [7.0, 10.0])
def test_flow_tells_orientation_and_period_of_plain_waves(angle, period):
    flow = fingerprint.ridge_flow(FingerprintImage(waves(angle, period)))
    inner = slice(2, -2)
    gap = flow.orientation[inner, inner] - angle
    assert np.abs(np.sin(gap)).max() < 0.03
    np.testing.assert_allclose(flow.period[inner, inner], period, rtol=0.05)


def test_a_picture_without_ridges_has_no_flow():
    flow = fingerprint.ridge_flow(FingerprintImage(np.full((200, 300), 250, np.uint8)))
    assert flow.period.shape == (-(-200 // FLOW_CELL), -(-300 // FLOW_CELL))
    assert np.isnan(flow.period).all()


def test_an_extractor_that_tells_no_flow_gets_ours(monkeypatch):
    from ektp_hw.templates import FingerprintTemplate

    picture = FingerprintImage(waves(0.3, 9.0))
    bare = FingerprintTemplate.from_minutiae([10], [20], [0.5], width=256, height=256)
    monkeypatch.setattr(fingerprint, "extractor", lambda _: lambda *_: bare)
    template = fingerprint.extract(picture, method="others")
    assert len(template) == 1
    assert template.flow is not None
    assert np.isfinite(template.flow.period).any()
