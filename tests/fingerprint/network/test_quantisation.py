# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import networks
from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.fingerprint.network.floating import FloatNetwork
from ektp_hw.fingerprint.network.layers import LAYERS
from ektp_hw.fingerprint.network.quantisation import _unit, _weight_scales, quantised


def test_eight_bits_answer_as_single_precision_does():
    network = networks.floats(1)
    small = quantised(network, [networks.noise(seed, 64, 72) for seed in range(3)], {})
    picture = networks.noise(9, 100, 90)
    answer, made = small.run(picture), network.results(picture)
    for found, wanted in ((answer.find, made["find"]), (answer.flow, made["flow"])):
        assert found.shape == wanted.shape
        assert np.std(found - wanted) < 0.04 * np.std(wanted)


def test_few_large_results_do_not_coarsen_the_others():
    usual = np.random.default_rng(1).uniform(0, 1, 10_000).astype(np.float32)
    assert _unit(usual) == pytest.approx(1 / 255, rel=0.03)
    fine = np.random.default_rng(1).exponential(1, 100_000).astype(np.float32)
    assert _unit(fine) < 0.95 * fine.max() / 255


def test_each_output_has_a_scale_of_its_own():
    rows = np.random.default_rng(1).normal(0, 1, (2, 4000)).astype(np.float32)
    rows[1] *= 100
    one, other = _weight_scales(rows)
    assert other == pytest.approx(100 * one, rel=0.2)
    assert one < np.abs(rows[0]).max() / 127, "the largest of many is cut"
    assert _weight_scales(np.zeros((1, 9), np.float32))[0] > 0


def test_a_layer_that_is_always_silent_has_a_unit_too():
    network = networks.floats(1)
    network.biases["i"][:] = -1e6
    assert quantised(network, [networks.noise(1, 16, 16)], {}).run(networks.noise(1, 16, 16))


def test_it_is_the_same_every_time():
    network = networks.floats(1)
    first, second = (quantised(network, [networks.noise(1, 64, 64)], {}) for _ in range(2))
    for one, other in zip(first.byte_layers, second.byte_layers, strict=True):
        assert one.unit == other.unit
        np.testing.assert_array_equal(one.weights, other.weights)


def test_without_pictures_it_is_refused():
    with pytest.raises(ValueError, match="pictures"):
        quantised(networks.floats(), [], {})


def exported(network):
    return {f"{name}.weight": each for name, each in network.weights.items()} | {
        f"{name}.bias": each for name, each in network.biases.items()
    }


def test_the_training_s_file_is_read(tmp_path):
    network = networks.floats(3)
    np.savez(tmp_path / "weights.npz", **exported(network))
    read = FloatNetwork.read(tmp_path / "weights.npz")
    assert read.layers == LAYERS
    picture = networks.noise(1, 24, 24)
    np.testing.assert_array_equal(read.run(picture).find, network.run(picture).find)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("e1.weight"),
        lambda arrays: arrays.pop("find.bias"),
        lambda arrays: arrays.update({"b.bias": arrays["b.bias"][:5]}),
        lambda arrays: arrays.update({"b.weight": arrays["b.weight"][:, :5]}),
        lambda arrays: arrays.update({"e2.weight": arrays["e2.weight"][:32]}),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, change):
    arrays = exported(networks.floats())
    change(arrays)
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(ExtractorUnavailable, match=r"weights\.npz: these are no weights"):
        FloatNetwork.read(tmp_path / "weights.npz")


def test_a_file_that_is_no_weights_is_refused(tmp_path):
    (tmp_path / "weights.npz").write_bytes(b"PK nothing")
    with pytest.raises(ExtractorUnavailable, match="these are no weights"):
        FloatNetwork.read(tmp_path / "weights.npz")
