# SPDX-License-Identifier: Apache-2.0
"""Every format of a camera against a picture that was made into it."""

import numpy as np
import pytest

from ektp_hw.transport.grey_pixels import FORMATS, decode
from ektp_hw.transport.video import Layout
from ektp_hw.virtual.video_frames import BYTES_A_PIXEL, encode

GREY = np.random.default_rng(3).integers(0, 256, (48, 64)).astype(np.uint8)
RAW = [form for form in FORMATS if form != "MJPG"]


def layout(form, stride=0):
    return Layout(form, 64, 48, stride or 64 * BYTES_A_PIXEL[form], 64 * 48 * 2)


@pytest.mark.parametrize("form", RAW)
def test_nothing_is_lost_of_8_bits(form):
    first = decode(encode(GREY, form), layout(form))[0]
    assert first.dtype == np.uint8
    assert np.array_equal(first, GREY)


@pytest.mark.parametrize("form", RAW)
def test_padded_lines(form):
    line = 64 * BYTES_A_PIXEL[form]
    data = encode(GREY, form)
    padded = b"".join(data[at : at + line] + b"\xaa" * 16 for at in range(0, len(data), line))
    assert np.array_equal(decode(padded, layout(form, line + 16))[0], GREY)
    assert np.array_equal(decode(padded[:-16], layout(form, line + 16))[0], GREY)


@pytest.mark.parametrize("form", FORMATS)
def test_a_short_frame_is_none(form):
    data = encode(GREY, form)
    assert decode(data[:-2], layout(form)) is None
    assert decode(b"", layout(form)) is None


def test_y8i_holds_two_pictures():
    left, right = decode(encode(GREY, "Y8I"), layout("Y8I"))
    assert np.array_equal(right, left[:, ::-1])


def test_y16_with_fewer_bits():
    values = (GREY.astype("<u2") << 2 | 3).tobytes()
    assert np.array_equal(decode(values, layout("Y16"), bits=10)[0], GREY)
    assert decode(values, layout("Y16"))[0].max() <= 3
    brighter = np.full(GREY.shape, 0xFFFF, "<u2").tobytes()
    assert decode(brighter, layout("Y16"), bits=10)[0].min() == 255


def test_jpeg_of_a_smooth_picture():
    smooth = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)
    pixels = decode(encode(smooth, "MJPG") + bytes(100), layout("MJPG"))[0]
    assert np.abs(pixels.astype(int) - smooth).max() <= 2


def test_jpeg_of_another_size_or_of_noise_is_none():
    assert decode(encode(GREY[:40], "MJPG"), layout("MJPG")) is None
    assert decode(b"\xff\xd8" + GREY.tobytes() + b"\xff\xd9", layout("MJPG")) is None
