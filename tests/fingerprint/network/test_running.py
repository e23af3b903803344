# SPDX-License-Identifier: Apache-2.0
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import networks
from ektp_hw import native
from ektp_hw.fingerprint.network import running
from ektp_hw.fingerprint.network.layers import LAYERS
from ektp_hw.fingerprint.network.running import Network

SMALL = networks.in_eight_bits(1, outputs=networks.SMALL, others=32)
WHOLE = networks.in_eight_bits(2)


def same(answer, find, flow):
    np.testing.assert_array_equal(answer.find, find)
    np.testing.assert_array_equal(answer.flow, flow)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), rows=st.integers(1, 70), columns=st.integers(1, 70))
def test_equals_its_oracle(seed, rows, columns):
    picture = networks.noise(seed, rows, columns)
    answer = SMALL.run(picture)
    assert answer.find.shape == (-(-rows // 8) * 2, -(-columns // 8) * 2, 6)
    assert answer.flow.shape == (-(-rows // 8), -(-columns // 8), 4)
    same(answer, *networks.answer(SMALL, picture))


def test_equals_its_oracle_on_every_isa(every_isa):
    picture = networks.noise(3, 90, 121)
    expected = networks.answer(WHOLE, picture)
    for isa in every_isa:
        native.use_isa(isa)
        same(WHOLE.run(picture), *expected)


def test_another_architecture_is_run_as_it_says():
    layers = tuple(replace(each, dilation=3 if each.name in {"e1", "j"} else 1) for each in LAYERS)
    network = networks.in_eight_bits(4, layers=layers, outputs={"flow": 4, "find": 6}, others=48)
    picture = networks.noise(4, 50, 40)
    same(network.run(picture), *networks.answer(network, picture))


@pytest.mark.parametrize("rows", [300, 641, 1000])
def test_bands_give_the_same_answer(monkeypatch, rows):
    picture = networks.noise(5, rows, 60)
    whole = SMALL.run(picture)
    monkeypatch.setattr(running, "BAND_PIXELS", 60 * 40)
    same(SMALL.run(picture), whole.find, whole.flow)


def test_bands_overlap_by_no_more_than_they_must(monkeypatch):
    picture = networks.noise(5, 600, 60)
    whole = SMALL.run(picture)
    monkeypatch.setattr(running, "BAND_PIXELS", 60 * 40)
    monkeypatch.setattr(SMALL, "halo", SMALL.halo - 8)
    assert (SMALL.run(picture).find != whole.find).any()


def test_the_largest_picture_takes_little_memory():
    picture = networks.noise(6, 4095, 4095)
    tracemalloc.start()
    try:
        answer = SMALL.run(picture)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.find.shape == (1024, 1024, 6)
    assert peak < 130e6, "the answer takes 29 MB of it, the padded picture 17"


def test_threads_may_share_a_network():
    pictures = [networks.noise(seed, 64, 80 + seed) for seed in range(8)]
    alone = [SMALL.run(each) for each in pictures]
    with ThreadPoolExecutor(4) as threads:
        for found, wanted in zip(threads.map(SMALL.run, pictures), alone, strict=True):
            same(found, wanted.find, wanted.flow)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("b", lambda _: {"unit": 0.0}, "unit of layer b"),
        ("b", lambda _: {"unit": float("nan")}, "unit of layer b"),
        ("c", lambda each: {"weights": each.weights[:, :16].copy()}, "layer c do not fit"),
        ("i", lambda each: {"scale": each.scale[:8]}, "scale must be"),
        ("find", lambda each: {"bias": each.bias * np.float32(np.inf)}, "finite"),
        (
            "find",
            lambda each: {
                "weights": each.weights[:5].copy(),
                "scale": each.scale[:5],
                "bias": each.bias[:5],
            },
            "heads must have",
        ),
        ("e2", lambda each: {"layer": replace(each.layer, added="c")}, "adds what has other cells"),
    ],
)
def test_weights_that_do_not_fit_are_refused(name, change, message):
    layers = tuple(
        replace(each, **change(each)) if each.layer.name == name else each
        for each in WHOLE.byte_layers
    )
    with pytest.raises(ValueError, match=message):
        Network(layers, {})
