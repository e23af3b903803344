# SPDX-License-Identifier: Apache-2.0
"""An eye shows the same texture in each picture, where its truth says it is."""

import numpy as np
import pytest

from ektp_hw.samples import Eye, IrisImage
from ektp_hw.synthetic import SyntheticEye


def ring(capture, *, count=512):
    """Unroll a band of the iris by the true circles: shape (8, count)."""
    pixels = capture.image.pixels.astype(float)
    turn = np.arange(count) * 2 * np.pi / count + np.deg2rad(capture.roll)
    rows = []
    for share in np.linspace(0.2, 0.7, 8):
        # The texture spans the way from pupil to white along rays from the pupil's centre.
        off_x, off_y = capture.iris.x - capture.pupil.x, capture.pupil.y - capture.iris.y
        along = off_x * np.cos(turn) + off_y * np.sin(turn)
        edge = along + np.sqrt(along**2 - off_x**2 - off_y**2 + capture.iris.radius**2)
        radius = capture.pupil.radius + share * (edge - capture.pupil.radius)
        x = np.rint(capture.pupil.x + radius * np.cos(turn)).astype(int)
        y = np.rint(capture.pupil.y - radius * np.sin(turn)).astype(int)
        rows.append(pixels[y, x])
    band = np.array(rows)
    lower = np.s_[:, count // 2 : count]  # the upper lid hides the rest
    return band[lower] - band[lower].mean(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def eye():
    return SyntheticEye(3, Eye.RIGHT)


def test_the_picture_is_near_infrared_vga_and_reproducible(eye):
    first = eye.capture(1).image
    assert isinstance(first, IrisImage)
    assert first.pixels.shape == (480, 640)
    assert first.eye is Eye.RIGHT
    assert first.pixels.tobytes() == SyntheticEye(3, Eye.RIGHT).capture(1).image.pixels.tobytes()
    assert first.pixels.tobytes() != eye.capture(2).image.pixels.tobytes()


def test_the_pupil_is_dark_the_iris_grey_and_the_white_bright(eye):
    capture = eye.capture(0)
    y, x = np.mgrid[0:480, 0:640]
    pixels = capture.image.pixels
    pupil = np.hypot(x - capture.pupil.x, y - capture.pupil.y) / capture.pupil.radius
    iris = np.hypot(x - capture.iris.x, y - capture.iris.y) / capture.iris.radius
    level = np.abs(y - capture.iris.y) < 15
    assert np.median(pixels[pupil < 0.9]) < 40
    assert 60 < np.median(pixels[(pupil > 1.2) & (iris < 0.8) & level]) < 150
    assert np.median(pixels[(iris > 1.15) & (iris < 1.5) & level]) > 150
    assert (pixels[pupil < 0.9] > 230).any()  # the lamps


@pytest.mark.parametrize("dilation", [0.3, 0.5])
def test_captures_of_one_eye_share_the_texture(eye, dilation):
    reference = ring(eye.capture(0, opening=1.0, noise=0.0))
    again = ring(eye.capture(1, opening=1.0, dilation=dilation))
    assert np.corrcoef(reference.ravel(), again.ravel())[0, 1] > 0.6


def test_other_eyes_have_other_textures(eye):
    reference = ring(eye.capture(0, opening=1.0))
    for seed in (4, 5, 6):
        other = ring(SyntheticEye(seed, Eye.RIGHT).capture(0, opening=1.0))
        assert abs(np.corrcoef(reference.ravel(), other.ravel())[0, 1]) < 0.3


def test_the_texture_has_no_seam(eye):
    steps = np.abs(np.diff(eye.texture, axis=1, append=eye.texture[:, :1])).mean(axis=0)
    assert steps[-1] < 3 * np.median(steps)
    halves = eye.texture[:, :100].std(), eye.texture[:, 462:562].std()
    assert 0.5 < halves[0] / halves[1] < 2


def test_a_condition_outside_its_range_is_refused(eye):
    with pytest.raises(ValueError, match="dilation"):
        eye.capture(0, dilation=0.95)


def test_closing_lids_hide_the_iris(eye):
    wide, narrow = (eye.capture(0, opening=opening) for opening in (1.0, 0.6))
    y = int(wide.iris.y - 0.75 * wide.iris.radius)
    x = int(wide.iris.x)
    assert narrow.image.pixels[y, x - 9 : x + 9].mean() > wide.image.pixels[y, x - 9 : x + 9].mean()
