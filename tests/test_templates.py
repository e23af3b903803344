# SPDX-License-Identifier: Apache-2.0
"""Templates: exact round trip, small, immutable, and every damaged byte is noticed."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.errors import TemplateError
from ektp_hw.templates import MAX_MINUTIAE, FingerprintTemplate, RidgeFlow


def random_template(n: int, seed: int = 0) -> FingerprintTemplate:
    rng = np.random.default_rng(seed)
    return FingerprintTemplate.from_minutiae(
        rng.uniform(0, 300, n),
        rng.uniform(0, 400, n),
        rng.uniform(0, 2 * np.pi, n),
        kind=rng.integers(0, 3, n),
        reliability=rng.uniform(0, 1, n),
        width=300,
        height=400,
    )


@given(n=st.integers(0, MAX_MINUTIAE), seed=st.integers(0, 10_000))
def test_round_trip_is_exact(n, seed):
    template = random_template(n, seed)
    again = FingerprintTemplate.from_bytes(template.to_bytes())
    assert again == template
    assert hash(again) == hash(template)
    for name in ("x", "y", "direction", "kind", "reliability"):
        assert np.array_equal(getattr(again, name), getattr(template, name))
    assert (again.width, again.height, len(again)) == (300, 400, n)


def test_forty_minutiae_are_small():
    assert len(random_template(40).to_bytes()) <= 500


def test_rounding_is_finer_than_a_tenth_of_a_pixel_and_a_degree():
    template = FingerprintTemplate.from_minutiae([10.03], [20.97], [1.234], width=100, height=100)
    assert abs(template.x[0] - 10.03) <= 1 / 32
    assert abs(template.y[0] - 20.97) <= 1 / 32
    assert abs(template.direction[0] - 1.234) <= np.pi / 256 + 1e-6


def test_columns_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        random_template(3).x[0] = 5


def test_the_most_reliable_are_kept_of_too_many():
    trust = np.linspace(0, 1, 300)
    template = FingerprintTemplate.from_minutiae(
        np.arange(300.0), np.zeros(300), np.zeros(300), reliability=trust, width=300, height=1
    )
    assert len(template) == MAX_MINUTIAE
    assert template.x.min() == 300 - MAX_MINUTIAE


@pytest.mark.parametrize("place", range(0, 256, 7))
def test_any_flipped_bit_is_noticed(place):
    stored = bytearray(random_template(40).to_bytes())
    stored[place] ^= 0x10
    with pytest.raises(TemplateError):
        FingerprintTemplate.from_bytes(stored)


@given(st.binary(max_size=300))
def test_foreign_bytes_are_refused(junk):
    with pytest.raises(TemplateError):
        FingerprintTemplate.from_bytes(junk)


@given(st.integers(0, 255))
def test_truncation_is_refused(kept):
    with pytest.raises(TemplateError):
        FingerprintTemplate.from_bytes(random_template(40).to_bytes()[:kept])


@pytest.mark.parametrize(
    "columns",
    [
        ([1, 2], [1], [0]),
        ([np.nan], [1], [0]),
        ([101], [1], [0]),
        ([-1], [1], [0]),
        ([1], [1], [np.inf]),
    ],
)
def test_impossible_minutiae_are_refused(columns):
    with pytest.raises(TemplateError):
        FingerprintTemplate.from_minutiae(*columns, width=100, height=100)


@pytest.mark.parametrize("sides", [(0, 10), (10, 5000)])
def test_impossible_sizes_are_refused(sides):
    with pytest.raises(TemplateError, match="sides of 1 to"):
        FingerprintTemplate.from_minutiae([], [], [], width=sides[0], height=sides[1])


@pytest.mark.parametrize("sides", [(0, 600), (600, 0), (4096, 600), (600, 65535), (299, 600)])
def test_stored_sizes_that_cannot_hold_the_minutiae_are_refused(sides):
    template = FingerprintTemplate.from_minutiae([300], [200], [1], width=600, height=600)
    body = bytearray(template.to_bytes()[:-4])
    struct.pack_into("<HH", body, 6, *sides)
    with pytest.raises(TemplateError, match="cannot hold"):
        FingerprintTemplate.from_bytes(bytes(body) + struct.pack("<I", zlib.crc32(body)))


def random_flow(rows: int, columns: int, seed: int = 0) -> RidgeFlow:
    rng = np.random.default_rng(seed)
    period = rng.uniform(4.5, 18, (rows, columns))
    period[rng.uniform(size=period.shape) < 0.4] = np.nan
    return RidgeFlow.from_fields(rng.uniform(-5, 5, (rows, columns)), period)


def template_with_flow(n: int = 5, seed: int = 0) -> FingerprintTemplate:
    rng = np.random.default_rng(seed)
    return FingerprintTemplate.from_minutiae(
        rng.uniform(0, 388, n),
        rng.uniform(0, 374, n),
        rng.uniform(0, 7, n),
        width=388,
        height=374,
        flow=random_flow(12, 13, seed),
    )


@given(seed=st.integers(0, 10_000))
def test_ridge_flow_makes_the_round_trip_exactly(seed):
    template = template_with_flow(3, seed)
    again = FingerprintTemplate.from_bytes(template.to_bytes())
    assert again == template
    assert again.flow is not None
    np.testing.assert_array_equal(again.flow.orientation, template.flow.orientation)
    np.testing.assert_array_equal(again.flow.period, template.flow.period)


def test_flow_is_rounded_finely_and_kept_below_half_a_turn():
    flow = RidgeFlow.from_fields([[-0.5, 3.2]], [[9.03, 4.47]])
    np.testing.assert_allclose(flow.orientation, [[np.pi - 0.5, 3.2 - np.pi]], atol=np.pi / 500)
    np.testing.assert_allclose(flow.period, [[9.03, 4.47]], atol=1 / 24)
    assert not flow.period.flags.writeable


def test_a_finger_with_flow_and_forty_minutiae_is_small():
    assert len(template_with_flow(40).to_bytes()) <= 500


def test_flow_must_cover_the_picture():
    with pytest.raises(TemplateError, match="cells of ridge flow"):
        FingerprintTemplate.from_minutiae(
            [], [], [], width=388, height=374, flow=random_flow(12, 12)
        )
    with pytest.raises(TemplateError, match="tables of one shape"):
        RidgeFlow.from_fields([[1.0]], [[1.0, 2.0]])


def test_templates_of_version_1_are_still_read():
    template = random_template(7)
    old = bytearray(template.to_bytes()[:-4])
    old[4] = 1
    old[-7:] = bytes(64 + step for step in (0, 9, 20, 31, 47, 58, 63))
    read = FingerprintTemplate.from_bytes(bytes(old) + struct.pack("<I", zlib.crc32(old)))
    assert read.flow is None
    np.testing.assert_array_equal(read.x, template.x)
    np.testing.assert_array_equal(read.kind, 1)
    told = np.array([0, 9, 20, 31, 47, 58, 63]) / 63
    np.testing.assert_allclose(read.reliability, told, atol=1 / 63)
    assert FingerprintTemplate.from_bytes(read.to_bytes()) == read


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_flow_of_the_wrong_length_is_refused(cut):
    body = template_with_flow().to_bytes()[:-4]
    for other in (body[:-cut], body + bytes(cut)):
        with pytest.raises(TemplateError, match="ridge flow"):
            FingerprintTemplate.from_bytes(other + struct.pack("<I", zlib.crc32(other)))
