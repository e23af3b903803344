# SPDX-License-Identifier: Apache-2.0
"""Samples check themselves: what was made can be relied on, and what cannot be one is refused."""

import numpy as np
import pytest

from ektp_hw.errors import SampleError
from ektp_hw.samples import FingerprintImage, IrisImage, SignatureTrace, checked_ppi

GREY = np.full((4, 6), 200, np.uint8)


def test_pixels_are_kept_read_only_and_apart_from_the_caller():
    pixels = GREY.copy()
    image = FingerprintImage(pixels, ppi=512)
    pixels[:] = 0
    assert image.pixels.min() == 200
    assert not image.pixels.flags.writeable
    assert (image.width, image.height, image.ppi) == (6, 4, 512.0)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (GREY.astype(np.uint16), "uint16"),
        (np.full((4, 6), np.nan), "float64"),
        (np.zeros((4, 6, 3), np.uint8), "one grey channel"),
        (np.zeros((0, 6), np.uint8), "6 x 0"),
        (np.broadcast_to(np.uint8(0), (20_000, 20_000)), "20000 x 20000"),
        ("not a picture", "8-bit grey"),
        (None, "8-bit grey"),
    ],
    ids=["16 bit", "NaN", "colour", "empty", "huge", "text", "nothing"],
)
@pytest.mark.parametrize("kind", [FingerprintImage, IrisImage])
def test_what_is_no_picture_is_refused(kind, pixels, says):
    with pytest.raises(SampleError, match=says):
        kind(pixels)


@pytest.mark.parametrize("ppi", [0, -5, 5000, float("nan"), float("inf"), "many", None])
def test_impossible_resolution_is_refused(ppi):
    with pytest.raises(SampleError, match=r"scanner\.png: .*pixels per inch"):
        FingerprintImage(GREY, ppi=ppi, source="scanner.png")


def test_ppi_as_text_is_a_number():
    assert checked_ppi("500") == 500.0


def trace(**changes):
    columns = {
        "seconds": [0.0, 0.005, 0.010],
        "x_mm": [1, 2, 3],
        "y_mm": [1, 1, 1],
        "pressure": [0, 0.5, 1],
    }
    return SignatureTrace(**{**columns, **changes})


def test_signature_is_kept_as_read_only_columns():
    signature = trace(dropped=2)
    assert len(signature) == 3
    assert signature.x_mm.dtype == np.float64
    assert not signature.pressure.flags.writeable


@pytest.mark.parametrize(
    "changes",
    [
        {"x_mm": [1, 2]},
        {"y_mm": [1, np.nan, 3]},
        {"seconds": [0, 0.2, 0.1]},
        {"pressure": [0, 0, 1.5]},
        {"pressure": [-0.1, 0, 1]},
    ],
    ids=["length", "NaN", "time backwards", "too much pressure", "negative pressure"],
)
def test_impossible_signatures_are_refused(changes):
    with pytest.raises(SampleError, match="signature"):
        trace(**changes)
