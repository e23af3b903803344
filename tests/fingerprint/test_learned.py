# SPDX-License-Identifier: Apache-2.0
"""The learned road from a picture to a template, with the weights of the package."""

import subprocess
import sys
import tracemalloc

import cv2
import numpy as np
import pytest

from ektp_hw import native
from ektp_hw.errors import ExtractorUnavailable, SampleError
from ektp_hw.fingerprint import compare, extract, learned
from ektp_hw.fingerprint.evening import evened
from ektp_hw.synthetic import SyntheticFinger
from ektp_hw.templates import MinutiaKind


def turned(a, b):
    return np.abs((a - b + np.pi) % (2 * np.pi) - np.pi)


def hits(template, truth):
    gap = np.hypot(template.x[:, None] - truth.x, template.y[:, None] - truth.y)
    return (gap < 8) & (turned(template.direction[:, None], truth.direction) < np.radians(30))


@pytest.fixture(scope="module")
def impressions():
    return [SyntheticFinger(7_000_000 + k).impression(0, carelessness=0.5) for k in range(4)]


def test_it_finds_the_minutiae_of_synthetic_prints(impressions):
    found = [extract(each.image, method="learned") for each in impressions]
    hit = [hits(*each) for each in zip(found, (one.truth for one in impressions), strict=True)]
    assert np.mean(np.concatenate([each.any(axis=1) for each in hit])) > 0.8, "precision"
    assert np.mean(np.concatenate([each.any(axis=0) for each in hit])) > 0.8, "recall"


def test_its_ridge_flow_is_that_of_the_classical_road(impressions):
    ours, theirs = (extract(impressions[0].image, method=m).flow for m in ("learned", "classical"))
    both = np.isfinite(ours.period) & np.isfinite(theirs.period)
    assert both.sum() > 0.8 * np.isfinite(theirs.period).sum()
    gap = np.abs(np.angle(np.exp(2j * (ours.orientation - theirs.orientation)[both]))) / 2
    assert np.median(gap) < np.radians(4)
    assert np.median(np.abs(ours.period - theirs.period)[both]) < 0.7


def test_white_ridges_are_turned(impressions):
    white = 255 - impressions[0].image.pixels
    seen = {}
    template = extract(white, method="learned", trace=seen.__setitem__)
    assert "inverted" in seen
    assert template == extract(impressions[0].image, method="learned")


def test_another_resolution_gives_the_same_places(impressions):
    pixels = impressions[0].image.pixels
    large = cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    one, other = extract(pixels, method="learned"), extract(large, ppi=1000, method="learned")
    assert hits(one, other).any(axis=1).mean() > 0.9
    assert compare(one, other) > 4


def test_every_instruction_set_gives_the_same_template(impressions, every_isa):
    found = []
    for isa in every_isa:
        native.use_isa(isa)
        found.append([extract(each.image, method="learned") for each in impressions])
    assert all(each == found[0] for each in found)


def test_every_step_can_be_looked_at(impressions):
    seen = {}
    extract(impressions[0].image, method="learned", trace=seen.__setitem__)
    assert list(seen) == [
        "picture",
        "evened",
        "scores",
        "orientation",
        "frequency",
        "foreground",
        "clear-foreground",
        "minutiae",
    ]


@pytest.mark.parametrize("degrees", [0, 45, 120, 200, 300])
@pytest.mark.parametrize("forks", [False, True])
def test_a_dislocation_is_one_minutia_of_its_place_direction_and_kind(dislocation, degrees, forks):
    template = extract(dislocation(np.radians(degrees), forks=forks), method="learned")
    assert len(template) == 1
    assert np.hypot(template.x[0] - 120, template.y[0] - 120) < 3
    assert turned(template.direction[0], np.radians(degrees)) < np.radians(6)
    assert template.kind[0] == (MinutiaKind.BIFURCATION if forks else MinutiaKind.ENDING)
    assert template.reliability[0] > 0.8


def test_ridges_without_minutiae_give_none(waves):
    assert len(extract(waves(0.3, 9.0), method="learned")) == 0


def test_what_is_no_finger_has_no_minutiae():
    random = np.random.default_rng(7)
    noise = random.integers(0, 256, (300, 300), np.uint8)
    blotches = 600 * cv2.GaussianBlur(random.normal(size=(300, 300)), (0, 0), 3)
    writing = np.full((300, 300), 255, np.uint8)
    for line in range(14):
        cv2.putText(writing, "nama, NIK", (5, 18 + 20 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 0)
    for picture in (noise, (128 + blotches).clip(0, 255).astype(np.uint8), writing):
        assert len(extract(picture, method="learned")) == 0


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 400), (400, 1), (2, 3), (5, 9), (17, 40), (300, 200)]
)
@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_flat_picture_of_any_size_has_no_minutiae(shape, value):
    template = extract(np.full(shape, value, np.uint8), method="learned")
    assert len(template) == 0
    assert (template.height, template.width) == shape


def test_a_large_picture_is_evened_in_bands_all_the_same(monkeypatch):
    noise = np.random.default_rng(1).integers(0, 256, (1600, 240), np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 2.5)
    picture[500:900] = 255
    monkeypatch.setattr(learned, "BAND_ROWS", 320)
    np.testing.assert_array_equal(learned.evened_in_bands(picture), evened(picture))


def test_the_largest_picture_takes_bounded_memory():
    pixels = np.zeros((4095, 4095), np.uint8)
    pixels[::9] = pixels[1::9] = pixels[2::9] = pixels[3::9] = 255
    pixels[1000:3000:40, 1000:3000:40] = 0
    tracemalloc.start()
    try:
        extract(pixels, method="learned")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 220e6


def test_pictures_too_large_are_refused():
    with pytest.raises(SampleError, match="at most 4095"):
        extract(np.zeros((4096, 8), np.uint8), method="learned")


def test_without_its_weights_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(learned, "WEIGHTS", tmp_path / "minutiae.weights")
    learned.network.cache_clear()
    with pytest.raises(ExtractorUnavailable, match=r"minutiae\.weights.*choose another method"):
        extract(np.zeros((100, 100), np.uint8), method="learned")
    learned.network.cache_clear()


def test_it_needs_no_package_of_the_training():
    program = (
        "import sys, numpy as np; from ektp_hw.fingerprint import extract;"
        "extract(np.zeros((90, 90), np.uint8), method='learned');"
        "print(sorted({'torch', 'tensorflow', 'onnxruntime', 'onnx'} & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_weights_tell_where_they_come_from():
    origin = learned.network().origin
    assert {"float_weights_sha256", "training", "calibration"} <= set(origin)
    assert learned.WEIGHTS.stat().st_size < 600_000
