# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from ektp_hw import native

CONSTANTS = {"reach": 40, "turn": 16, "place_first": 10, "place": 7}


def on_every_isa():
    for isa in native.available_isas():
        native.use_isa(isa)
        yield isa.name


def strangers(seed, number, density=0.5, most=32):
    """Sketches of nobody: codes with so many bits set, up to so many minutiae."""
    random = np.random.default_rng(seed)
    bits = random.random((number, 32, 128)) < density
    codes = np.packbits(bits, axis=2).view(np.uint64).reshape(number, 32, 2)
    columns = random.integers(0, 256, (number, 3, 32), np.uint8)
    counts = random.integers(0, most + 1, number, np.uint8)
    return native.pack_sketches(codes, columns, counts)


def mates(seed, number):
    """Return a sketch and others of the same finger: turned, shifted, bits and minutiae wrong."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 2**63, (32, 2), np.uint64)
    direction, x, y = random.integers(0, 256, 32), *random.integers(90, 166, (2, 32))
    every, columns = [codes], [(direction, x, y)]
    for _ in range(number):
        wrong = random.random((32, 128)) < 0.06
        every.append(codes ^ np.packbits(wrong, axis=1).view(np.uint64))
        every[-1][24:] = random.integers(0, 2**63, (8, 2), np.uint64)
        step = int(random.integers(0, 256))
        right, up = oracles.oracles_sketch.turned(x, y, step)
        noise = random.integers(-2, 3, (3, 32)) + np.array([[0], [20], [-15]])
        columns.append(np.array([direction + step, right, up]) + noise)
    order = random.permuted(np.tile(np.arange(32), (number + 1, 1)), axis=1)
    codes = np.take_along_axis(np.array(every), order[:, :, np.newaxis], axis=1)
    places = np.take_along_axis(np.array(columns), order[:, np.newaxis], axis=2)
    counts = np.full(number + 1, 32, np.uint8)
    packed = native.pack_sketches(codes, (places % 256).astype(np.uint8), counts)
    return packed[0], packed[1:]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.integers(0, 6),
    density=st.sampled_from([0.0, 0.03, 0.3, 0.5]),
    reach=st.sampled_from([0, 1, 30, 64, 128]),
    turn=st.sampled_from([0, 1, 16, 127]),
    places=st.tuples(*[st.sampled_from([0, 1, 9, 60, 127])] * 2),
)
def test_sketch_equals_its_oracle_on_every_isa(seed, number, density, reach, turn, places):
    probe, *_ = strangers(seed, 1, density)
    others = strangers(seed + 1, number, density)
    constants = {"reach": reach, "turn": turn, "place_first": places[0], "place": places[1]}
    expected = oracles.sketch(probe, others, **constants)
    for isa in on_every_isa():
        scores = native.sketch(probe, others, native.sketch_parameters(**constants))
        np.testing.assert_array_equal(scores, expected, err_msg=isa)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_sketch_finds_turned_and_shifted_mates(seed):
    probe, others = mates(seed, 3)
    crowd = np.concatenate([others, strangers(seed + 1, 5)])
    expected = oracles.sketch(probe, crowd, **CONSTANTS)
    for isa in on_every_isa():
        scores = native.sketch(probe, crowd, native.sketch_parameters(**CONSTANTS))
        np.testing.assert_array_equal(scores, expected, err_msg=isa)
        assert scores[:3].min() > 2 * scores[3:].max()


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    number=st.integers(0, 6),
    density=st.sampled_from([0.0, 0.03, 0.3, 0.5]),
    minutiae=st.sampled_from([0, 1, 7, 24, 32, 99]),
    reach=st.sampled_from([0, 1, 22, 30, 64]),
)
def test_glimpse_equals_its_oracle_on_every_isa(seed, number, density, minutiae, reach):
    probe, *_ = strangers(seed, 1, density)
    others = strangers(seed + 1, number, density)
    expected = oracles.glimpse(probe, others, minutiae=minutiae, reach=reach)
    for isa in on_every_isa():
        scores = native.glimpse(probe, others, minutiae=minutiae, reach=reach)
        np.testing.assert_array_equal(scores, expected, err_msg=isa)


def test_glimpse_sees_mates_and_the_rows_asked_for():
    probe, others = mates(1, 3)
    crowd = np.concatenate([strangers(2, 50), others])
    rows = np.array([50, 0, 49, 50, 13], np.uint32)
    for _ in on_every_isa():
        all_of_them = native.glimpse(probe, crowd, minutiae=32, reach=22)
        assert all_of_them[50:].min() > 3 * all_of_them[:50].max()
        np.testing.assert_array_equal(
            native.glimpse(probe, crowd, minutiae=32, reach=22, rows=rows), all_of_them[rows]
        )
        assert native.glimpse(probe, others, minutiae=32, reach=64).max() <= 32 * 64


def test_sketch_of_the_rows_asked_for():
    probe, _ = mates(1, 0)
    crowd = strangers(2, 50, 0.4)
    rows = np.array([7, 0, 49, 7, 13], np.uint32)
    parameters = native.sketch_parameters(reach=64, turn=40, place_first=60, place=50)
    for _ in on_every_isa():
        all_of_them = native.sketch(probe, crowd, parameters)
        assert all_of_them.any()
        np.testing.assert_array_equal(
            native.sketch(probe, crowd, parameters, rows), all_of_them[rows]
        )
        assert native.sketch(probe, crowd, parameters, rows[:0]).shape == (0,)


def test_sketch_spans_its_whole_range_and_reads_any_address():
    random = np.random.default_rng(1)
    codes = random.integers(0, 2**63, (1, 32, 2), np.uint64)
    columns = np.full((1, 3, 32), 128, np.uint8)
    same = native.pack_sketches(codes, columns, np.full(1, 32, np.uint8))
    space = np.zeros(same.nbytes + 8, np.uint8)
    moved = space[3 : 3 + same.nbytes].reshape(same.shape)
    moved[:] = same
    parameters = native.sketch_parameters(reach=128, turn=127, place_first=127, place=127)
    for _ in on_every_isa():
        assert native.sketch(moved[0], moved, parameters).tolist() == [32 * 128]
        assert native.sketch(moved[0], same * 0, parameters).tolist() == [0]


def test_sketch_of_counts_that_cannot_be_is_read_as_full():
    """Bytes of a damaged gallery may say anything; the core stays within the sketch."""
    probe, others = mates(3, 2)
    parameters = native.sketch_parameters(**CONSTANTS)
    spoilt, spoilt_probe = others.copy(), probe.copy()
    spoilt[:, 608] = spoilt_probe[608] = 255
    for _ in on_every_isa():
        np.testing.assert_array_equal(
            native.sketch(spoilt_probe, spoilt, parameters),
            native.sketch(probe, others, parameters),
        )


def test_what_is_no_sketch_is_refused():
    probe, others = mates(4, 2)
    parameters = native.sketch_parameters(**CONSTANTS)
    codes, columns = np.zeros((2, 32, 2), np.uint64), np.zeros((2, 3, 32), np.uint8)
    counts = np.zeros(2, np.uint8)
    for call in (
        lambda: native.sketch(probe[:-1], others, parameters),
        lambda: native.sketch(probe, others[:, :-1], parameters),
        lambda: native.sketch(probe.astype(np.int8), others, parameters),
        lambda: native.sketch(probe, others, parameters, np.array([0, 2], np.uint32)),
        lambda: native.sketch(probe, others[:0], parameters, np.array([0], np.uint32)),
        lambda: native.sketch(probe, others, parameters, np.array([0], np.int64)),
        lambda: native.glimpse(probe, others[:, :-1], minutiae=32, reach=22),
        lambda: native.glimpse(probe, others, minutiae=32, reach=65),
        lambda: native.glimpse(probe, others, minutiae=-1, reach=22),
        lambda: native.sketch_parameters(**CONSTANTS | {"reach": 129}),
        lambda: native.sketch_parameters(**CONSTANTS | {"turn": 128}),
        lambda: native.sketch_parameters(**CONSTANTS | {"place_first": -1}),
        lambda: native.sketch_parameters(**CONSTANTS | {"place": 128}),
        lambda: native.pack_sketches(codes[:1], columns, counts),
        lambda: native.pack_sketches(codes, columns[:, :2], counts),
        lambda: native.pack_sketches(codes, columns, counts.astype(int)),
        lambda: native.pack_sketches(codes, columns, counts + np.uint8(33)),
    ):
        with pytest.raises(ValueError, match="must be"):
            call()
