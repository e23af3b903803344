# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from ektp_hw.fingerprint import extract
from ektp_hw.fingerprint.polarity import ridges_are_white
from ektp_hw.synthetic import SyntheticFinger


@pytest.fixture
def oval(waves):
    """Return dark ridges in an oval on a light ground, and its foreground, one value a cell."""
    y, x = np.mgrid[:240, :240] - 120
    inside = np.hypot(x / 90, y / 110) < 1
    picture = np.where(inside, waves(0.3, 9.0), 218).astype(np.float32)
    return picture, inside[2::4, 2::4]


def test_dark_ridges_on_a_light_ground_are_dark(oval):
    assert not ridges_are_white(*oval)


def test_white_ridges_on_a_dark_ground_are_white(oval):
    picture, mask = oval
    assert ridges_are_white(255 - picture, mask)


def test_a_pale_print_tells_as_well(oval):
    picture, mask = oval
    pale = 0.1 * picture + 120
    assert not ridges_are_white(pale, mask)
    assert ridges_are_white(255 - pale, mask)


def test_a_ground_between_ridges_and_valleys_tells_nothing(oval):
    picture, mask = oval
    picture[picture == 218] = 128
    assert not ridges_are_white(picture, mask)
    assert not ridges_are_white(255 - picture, mask)


@pytest.mark.parametrize("value", [False, True])
def test_without_ground_or_without_finger_nothing_is_told(oval, value):
    picture, mask = oval
    assert not ridges_are_white(255 - picture, np.full_like(mask, value))


@pytest.mark.parametrize(("method", "shown"), [("learned", "picture"), ("classical", "normalised")])
def test_an_inverted_print_has_the_same_minutiae_and_the_trace_says_so(method, shown):
    picture = SyntheticFinger(300).impression(0, carelessness=0).image.pixels
    dark, white = {}, {}
    upright = extract(picture, method=method, trace=dark.__setitem__)
    inverted = extract(255 - picture, method=method, trace=white.__setitem__)
    assert "inverted" not in dark
    height, width = dark[shown].shape
    np.testing.assert_allclose(white["inverted"][:height, :width], dark[shown], atol=1e-3)
    assert abs(len(inverted) - len(upright)) <= 1
    assert np.isin(inverted.x, upright.x).mean() > 0.95


@pytest.mark.parametrize("method", ["learned", "classical"])
@pytest.mark.parametrize("folder", ["fvc2002/DB1_B", "fvc2002/DB3_B", "fvc2004/DB1_B"])
def test_real_prints_are_told_apart_from_their_negatives(real_data, folder, method):
    for path in sorted((real_data / folder).glob("*_1.png")):
        with Image.open(path) as image:
            picture = np.asarray(image.convert("L"))
        dark, white = {}, {}
        extract(picture, method=method, trace=dark.__setitem__)
        extract(255 - picture, method=method, trace=white.__setitem__)
        assert "inverted" not in dark
        assert "inverted" in white
