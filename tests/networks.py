# SPDX-License-Identifier: Apache-2.0
"""Networks of random weights, and what such a network in eight bits must answer."""

import numpy as np

import oracles
from ektp_hw.fingerprint.network.floating import FloatNetwork
from ektp_hw.fingerprint.network.layers import LAYERS, PICTURE, grain
from ektp_hw.fingerprint.network.quantisation import quantised

OUTPUTS = {"a": 16, "b": 32, "c": 32, "h": 32, "i": 32, "j": 32, "flow": 4, "find": 6}
"""Of the layers; 64 elsewhere."""
SMALL = dict.fromkeys("abchij", 16) | {"flow": 4, "find": 6}


def floats(seed=0, *, layers=LAYERS, outputs=OUTPUTS, others=64):
    random = np.random.default_rng(seed)
    channels, weights, biases = {PICTURE: 4}, {}, {}
    for layer in layers:
        inputs = channels[layer.source]
        made = channels[layer.name] = outputs.get(layer.name, others)
        spread = (2 / (inputs * layer.side**2)) ** 0.5
        shape = (made, inputs, layer.side, layer.side)
        weights[layer.name] = random.normal(0, spread, shape).astype(np.float32)
        biases[layer.name] = random.normal(0, 0.1, made).astype(np.float32)
    return FloatNetwork(layers, weights, biases)


def noise(seed, rows, columns):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns), np.uint8)


def in_eight_bits(seed=0, **chosen):
    return quantised(floats(seed, **chosen), [noise(seed, 64, 64)], {"weights": "random"})


def answer(network, picture):
    """The network layer by layer through the oracle of its kernel."""
    rows, columns = (-side % grain(network.layers) for side in picture.shape)
    whole = np.pad(picture, ((0, rows), (0, columns)), mode="edge")
    fours = [whole[down::2, across::2] for down in (0, 1) for across in (0, 1)]
    made, units = {PICTURE: np.stack(fours, axis=-1)}, {PICTURE: 1 / 255}
    for each in network.byte_layers:
        layer = each.layer
        source = made[layer.source]
        rows, columns = (-(-side // layer.step) for side in source.shape[:2])
        margin = ((layer.reach, layer.reach),) * 2 + ((0, 0),)
        values = oracles.convolve(
            np.pad(source, margin),
            each.weights,
            (each.scale.astype(float) * units[layer.source] / each.unit).astype(np.float32),
            (each.bias.astype(float) / each.unit).astype(np.float32),
            step=layer.step,
            dilation=layer.dilation,
            rows=rows,
            columns=columns,
        )
        units[layer.name] = each.unit
        added = None if layer.added is None else made[layer.added]
        added_scale = units[layer.added] / each.unit if layer.added else 1.0
        made[layer.name] = (
            values if layer.is_head else oracles.in_bytes(values, added, added_scale, layer.repeat)
        )
    return made["find"], made["flow"]
