# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from ektp_hw import native


def codes_of(seed, count, density):
    """Codes with so many bits set: the fewer, the nearer they are and the more are equally near."""
    bits = np.random.default_rng(seed).random((count, 512)) < density
    return np.packbits(bits, axis=1).view(np.uint64).reshape(count, 8)


def on_every_isa():
    for isa in native.available_isas():
        native.use_isa(isa)
        yield isa.name


def elsewhere(codes):
    """Return the codes at an odd address."""
    space = np.zeros(codes.nbytes + 8, np.uint8)
    shifted = space[3 : 3 + codes.nbytes]
    shifted[:] = codes.view(np.uint8).ravel()
    return shifted.view(np.uint64).reshape(codes.shape)


SEEDS = st.integers(0, 2**32 - 1)
DENSITIES = st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0])


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, count=st.integers(0, 40), density=DENSITIES)
def test_scan_equals_its_oracle_on_every_isa(seed, count, density):
    probe, codes = codes_of(seed + 1, 1, 0.5)[0], codes_of(seed, count, density)
    expected = oracles.scan(probe, codes)
    for isa in on_every_isa():
        np.testing.assert_array_equal(native.scan(probe, codes), expected, err_msg=isa)


def test_scan_spans_its_whole_range():
    full, empty = np.full((9, 8), 2**64 - 1, np.uint64), np.zeros((9, 8), np.uint64)
    for _ in on_every_isa():
        assert (native.scan(full[0], empty) == 512).all()
        assert (native.scan(full[0], full) == 0).all()


def test_scan_reads_unaligned_rows_and_writes_where_told():
    codes = codes_of(1, 37, 0.3)
    for _ in on_every_isa():
        out = np.zeros(37, np.uint16)
        assert native.scan(elsewhere(codes)[2], elsewhere(codes), out=out) is out
        np.testing.assert_array_equal(out, oracles.scan(codes[2], codes))


@settings(deadline=None, max_examples=80)
@given(
    seed=SEEDS,
    count=st.sampled_from([0, 1, 15, 16, 255, 256, 257, 1000]),
    density=DENSITIES,
    keep=st.sampled_from([0, 1, 2, 7, 100, 256, 5000]),
    most=st.sampled_from([0, 1, 9, 200, 250, 256, 511, 512]),
)
def test_scan_nearest_equals_its_oracle_on_every_isa(seed, count, density, keep, most):
    codes = codes_of(seed, count, density)
    probe = codes_of(seed + 1, 1, density)[0]
    expected = oracles.scan_nearest(probe, codes, keep, most)
    for isa in on_every_isa():
        rows, distances = native.scan_nearest(probe, codes, keep, most)
        np.testing.assert_array_equal(rows, expected[0], err_msg=isa)
        np.testing.assert_array_equal(distances, expected[1], err_msg=isa)


@pytest.mark.parametrize("order", [1, -1], ids=["ever further", "ever nearer"])
def test_scan_nearest_of_codes_that_lie_in_order(order):
    """Ever nearer ones are the worst case: every code is kept for a while."""
    probe = np.zeros(8, np.uint64)
    codes = np.array([[(1 << k) - 1] * 8 for k in range(64)], np.uint64).repeat(50, axis=0)[::order]
    codes = np.ascontiguousarray(codes)
    for _ in on_every_isa():
        for keep in (1, 99, 100, 101, 1500):
            rows, distances = native.scan_nearest(probe, codes, keep)
            expected = oracles.scan_nearest(probe, codes, keep, 512)
            np.testing.assert_array_equal(rows, expected[0])
            np.testing.assert_array_equal(distances, expected[1])


def test_scan_nearest_of_a_gallery_in_pieces():
    codes = codes_of(3, 2000, 0.2)
    probe = codes_of(4, 1, 0.2)[0]
    found, most = [], 512
    for first in range(0, 2000, 300):
        rows, distances = native.scan_nearest(probe, codes[first : first + 300], 50, most)
        found += [(int(d), first + int(r)) for r, d in zip(rows, distances, strict=True)]
        found = sorted(found)[:50]
        most = found[-1][0]
    rows, _ = native.scan_nearest(probe, codes, 50)
    assert sorted(row for _, row in found) == rows.tolist()


def listed(a, b, most, upper, room):
    """All pairs in the order found, fetched in as many goes as the room asks for."""
    found, step = [], 0
    while step < native.scan_steps(len(a), len(b)):
        pairs = native.scan_pairs(a, b, most, upper=upper, start=step, room=room)
        assert pairs.step > step
        assert len(pairs.rows) == len(pairs.distances) <= room
        found += [(*row, d) for row, d in zip(pairs.rows.tolist(), pairs.distances, strict=True)]
        step = pairs.step
    return found


@settings(deadline=None, max_examples=40)
@given(
    seed=SEEDS,
    count_a=st.sampled_from([0, 1, 3, 4, 5, 70]),
    count_b=st.sampled_from([0, 1, 63, 64, 65, 256, 257, 300]),
    density=DENSITIES,
    most=st.sampled_from([0, 1, 12, 90, 240, 256, 512]),
    upper=st.booleans(),
    room=st.sampled_from([native.PAIRS_AT_LEAST, 2000, 100_000]),
)
def test_scan_pairs_equals_its_oracle_on_every_isa(
    seed, count_a, count_b, density, most, upper, room
):
    a, b = codes_of(seed, count_a, density), codes_of(seed + 1, count_b, density)
    expected = oracles.scan_pairs(a, b, most, upper)
    orders = []
    for isa in on_every_isa():
        found = listed(a, b, most, upper, room)
        assert len(found) == len(expected), isa
        assert set(found) == expected, isa
        orders.append(found)
    assert all(order == orders[0] for order in orders), "the order differs"


def test_scan_pairs_of_a_block_with_itself():
    codes = codes_of(5, 600, 0.02)
    expected = {pair for pair in oracles.scan_pairs(codes, codes, 18, False) if pair[0] < pair[1]}
    assert len(expected) > 1000
    for _ in on_every_isa():
        found = listed(elsewhere(codes), codes, 18, True, native.PAIRS_AT_LEAST)
        assert len(found) == len(expected)
        assert set(found) == expected


def test_scan_pairs_step_by_step_in_threads():
    """Whatever the steps are cut into, every pair comes once and in its place."""
    codes = codes_of(6, 500, 0.05)
    whole = listed(codes, codes, 44, True, 1 << 20)
    steps = native.scan_steps(500, 500)
    cuts = [0, 1, 2, 5, 77, 125, 126, 200, 249, steps]

    def part(k):
        return native.scan_pairs(codes, codes, 44, upper=True, start=cuts[k], stop=cuts[k + 1])

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(part, range(len(cuts) - 1)))
    assert [each.step for each in parts] == cuts[1:]
    rows = np.concatenate([each.rows for each in parts]).tolist()
    assert [tuple(row) for row in rows] == [pair[:2] for pair in whole]
    assert len(rows) > 100


def changed(codes, kind):
    return {
        "type": codes.astype(np.int64),
        "shape": codes[..., :7],
        "layout": np.asfortranarray(codes)[::-1],
    }[kind]


@pytest.mark.parametrize("kind", ["type", "shape", "layout"])
def test_scan_refuses_arrays_it_cannot_read(kind):
    codes = codes_of(1, 20, 0.5)
    wrong = changed(codes, kind)
    for call in (
        lambda: native.scan(codes[0], wrong),
        lambda: native.scan(wrong[0][::-1], codes),
        lambda: native.scan_nearest(codes[0], wrong, 3),
        lambda: native.scan_nearest(wrong[0][::-1], codes, 3),
        lambda: native.scan_pairs(codes, wrong, 3),
        lambda: native.scan_pairs(wrong, codes, 3),
    ):
        with pytest.raises(ValueError, match="must be a C-contiguous uint64 array"):
            call()


def test_scan_refuses_numbers_and_room_out_of_range():
    codes = codes_of(1, 20, 0.5)
    frozen = np.zeros(20, np.uint16)
    frozen.flags.writeable = False
    for call in (
        lambda: native.scan(codes[0], codes, out=frozen),
        lambda: native.scan(codes[0], codes, out=np.zeros(19, np.uint16)),
        lambda: native.scan(codes[0], codes, out=np.zeros(20, np.int16)),
        lambda: native.scan_nearest(codes[0], codes, -1),
        lambda: native.scan_nearest(codes[0], codes, 1, 513),
        lambda: native.scan_nearest(codes[0], codes, 1, -1),
        lambda: native.scan_pairs(codes, codes, 513),
        lambda: native.scan_pairs(codes, codes, 0, start=-1),
        lambda: native.scan_pairs(codes, codes, 0, start=3, stop=2),
        lambda: native.scan_pairs(codes, codes, 0, stop=6),
        lambda: native.scan_pairs(codes, codes, 0, room=native.PAIRS_AT_LEAST - 1),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
