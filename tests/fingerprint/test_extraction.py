# SPDX-License-Identifier: Apache-2.0
"""The whole road from a picture to a template: what it gives, refuses and never does."""

import cv2
import numpy as np
import pytest
from PIL import Image

from ektp_hw.errors import SampleError
from ektp_hw.fingerprint import extract
from ektp_hw.samples import FingerprintImage
from ektp_hw.templates import MinutiaKind


def turned(a, b):
    return np.abs((np.asarray(a) - b + np.pi) % (2 * np.pi) - np.pi)


@pytest.mark.parametrize("degrees", range(0, 360, 30))
@pytest.mark.parametrize("forks", [False, True])
def test_a_dislocation_is_one_minutia_of_its_place_direction_and_kind(dislocation, degrees, forks):
    template = extract(dislocation(np.radians(degrees), forks=forks))
    assert len(template) == 1
    assert np.hypot(template.x[0] - 120, template.y[0] - 120) < 7
    assert turned(template.direction[0], np.radians(degrees)) < np.radians(8)
    assert template.kind[0] == (MinutiaKind.BIFURCATION if forks else MinutiaKind.ENDING)
    assert template.reliability[0] > 0.5


def test_turning_the_picture_turns_the_minutia(dislocation):
    picture = dislocation(0.4, forks=False)[:, :200]
    upright, turned_left = extract(picture), extract(np.rot90(picture))
    assert len(upright) == len(turned_left) == 1
    assert turned_left.x[0] == pytest.approx(upright.y[0], abs=3)
    assert turned_left.y[0] == pytest.approx(199 - upright.x[0], abs=3)
    assert turned(turned_left.direction, upright.direction + np.pi / 2).max() < np.radians(6)
    assert (turned_left.width, turned_left.height) == (upright.height, upright.width)


@pytest.mark.parametrize("ppi", [300, 569, 1000])
def test_resolution_scales_the_minutia_to_500_ppi(dislocation, ppi):
    picture = dislocation(1.0, forks=False)
    side = round(241 * ppi / 500)
    template = extract(cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC), ppi=ppi)
    assert len(template) == 1
    assert np.hypot(template.x[0] - 120, template.y[0] - 120) < 7
    assert abs(template.width - 241) <= 1


def test_the_samples_own_resolution_wins(dislocation):
    sample = FingerprintImage(dislocation(1.0, forks=False), ppi=1000)
    assert extract(sample, ppi=500).width == 120


def test_ridges_without_minutiae_give_none(waves):
    assert len(extract(waves(0.3, 9.0))) == 0


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 400), (400, 1), (2, 3), (5, 9), (17, 40), (300, 200)]
)
@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_flat_picture_of_any_size_has_no_minutiae(shape, value):
    template = extract(np.full(shape, value, np.uint8))
    assert len(template) == 0
    assert (template.height, template.width) == shape


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 5), (40, 40), (300, 300)])
def test_white_noise_has_no_minutiae(shape):
    noise = np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)
    assert len(extract(noise)) == 0


@pytest.mark.parametrize("method", ["learned", "classical"])
def test_noise_that_looks_like_ridges_is_not_trusted(method):
    noise = np.random.default_rng(7).normal(size=(300, 300)).astype(np.float32)
    blotches = cv2.GaussianBlur(noise, (0, 0), 3)
    template = extract((128 + 600 * blotches).clip(0, 255).astype(np.uint8), method=method)
    assert template.reliability.sum() <= 0.5 * len(template)


@pytest.mark.parametrize(
    "picture",
    [
        np.full((9, 9), np.nan),
        np.zeros((9, 9, 3), np.uint8),
        np.zeros((9, 9), np.uint16),
        np.zeros((0, 9), np.uint8),
        None,
    ],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(SampleError):
        extract(picture)


@pytest.mark.parametrize("ppi", [0, -5, 5000, float("nan"), None, "fine"])
def test_a_resolution_that_cannot_be_is_refused(ppi):
    with pytest.raises(SampleError, match="pixels per inch"):
        extract(np.zeros((9, 9), np.uint8), ppi=ppi)


def test_a_picture_too_large_for_a_template_is_refused_with_its_size():
    with pytest.raises(SampleError, match="5000 x 10 pixels at 500 ppi"):
        extract(np.zeros((10, 5000), np.uint8))


def test_an_unknown_method_is_refused_by_naming_the_known():
    with pytest.raises(ValueError, match="'magic' is unknown; choose one of learned, classical"):
        extract(np.zeros((9, 9), np.uint8), method="magic")


@pytest.mark.parametrize(
    ("method", "steps"),
    [
        ("learned", {"picture", "evened", "scores", "orientation", "foreground", "minutiae"}),
        ("classical", {"picture", "normalised", "foreground", "enhanced", "clean-skeleton"}),
    ],
)
def test_the_same_picture_gives_the_same_bytes_and_looking_changes_nothing(
    dislocation, method, steps
):
    picture = dislocation(2.0, forks=True)
    seen = {}
    first = extract(picture, method=method)
    watched = extract(picture, method=method, trace=seen.__setitem__)
    again = extract(picture.copy(), method=method)
    assert watched.to_bytes() == first.to_bytes() == again.to_bytes()
    assert steps <= set(seen)
    assert seen["picture"].shape == picture.shape


@pytest.mark.parametrize("folder", ["fvc2002/DB1_B", "fvc2002/DB3_B", "fvc2004/DB3_B"])
def test_real_prints_give_a_usual_number_of_minutiae(real_data, folder):
    counts = []
    for path in sorted((real_data / folder).glob("*_[1-3].png"))[::3]:
        with Image.open(path) as image:
            ppi = round(image.info.get("dpi", (500,))[0])
            template = extract(np.asarray(image.convert("L")), ppi=ppi)
        counts.append(len(template))
    assert counts
    assert min(counts) >= 8
    assert 15 <= np.median(counts) <= 80
