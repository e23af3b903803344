# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from ektp_hw import native

GLANCE = {"reach": 50, "turn": 16, "place_first": 12, "place": 7}


def drawn(random, number):
    codes = random.integers(0, 2**63, (number, 32, 2), np.uint64)
    columns = random.integers(0, 256, (number, 3, 32), np.uint8)
    return native.pack_sketches(codes, columns, random.integers(0, 33, number, np.uint8))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    probes=st.integers(1, 5),
    number=st.integers(1, 9),
    count=st.integers(0, 30),
    limits=st.fixed_dictionaries(
        {
            "minutiae": st.integers(0, 32),
            "reach": st.integers(20, 40),
            "least_at_first_sight": st.integers(0, 200),
            "least_alike": st.integers(0, 60),
        }
    ),
)
def test_sift_keeps_what_both_looks_keep(seed, probes, number, count, limits):
    random = np.random.default_rng(seed)
    own, others = drawn(random, probes), drawn(random, number)
    rows = random.integers(0, number, number + 2, np.uint32)
    pairs = np.stack(
        [random.integers(0, number + 2, count), random.integers(0, probes, count)], axis=1
    ).astype(np.uint32)
    parameters = native.sketch_parameters(**GLANCE)
    wanted = oracles.sift(own, others, rows, pairs, limits, GLANCE)
    for isa in native.available_isas():
        native.use_isa(isa)
        kept = native.sift(own, others, rows, pairs, native.sift_parameters(**limits), parameters)
        assert kept.tolist() == wanted, isa.name


def asked(**changed):
    none = np.zeros((2, native.SKETCH_BYTES), np.uint8)
    given_ = {
        "probes": none,
        "sketches": none,
        "rows": np.array([1, 0, 1], np.uint32),
        "pairs": np.array([[2, 1]], np.uint32),
        "limits": native.sift_parameters(
            minutiae=32, reach=20, least_at_first_sight=0, least_alike=0
        ),
        "parameters": native.sketch_parameters(**GLANCE),
    }
    return native.sift(**{**given_, **changed})


def test_what_does_not_exist_is_refused():
    assert asked().tolist() == [True]
    for changed, word in (
        ({"rows": np.array([2], np.uint32)}, "rows must be below 2"),
        ({"pairs": np.array([[3, 0]], np.uint32)}, "places below 3"),
        ({"pairs": np.array([[0, 2]], np.uint32)}, "probes below 2"),
        ({"pairs": np.zeros((1, 3), np.uint32)}, "pairs"),
        ({"probes": np.zeros((2, 8), np.uint8)}, "probes"),
        ({"sketches": np.zeros((0, native.SKETCH_BYTES), np.uint8)}, "rows must be below 0"),
    ):
        with pytest.raises(ValueError, match=word):
            asked(**changed)
    for name, value in (("reach", 65), ("least_alike", -1), ("minutiae", 1 << 20)):
        with pytest.raises(ValueError, match=name):
            native.sift_parameters(
                **{"minutiae": 1, "reach": 1, "least_at_first_sight": 0, "least_alike": 0}
                | {name: value}
            )
