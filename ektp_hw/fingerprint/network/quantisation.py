# SPDX-License-Identifier: Apache-2.0
"""From weights in single precision to eight bits, by what the layers make of some pictures.

Each output's weights get a scale of their own, each layer's result a unit: those at which the
squared error is least, for cutting the few largest off lets all others be told more finely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.fingerprint.network.running import ByteLayer, Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from ektp_hw.fingerprint.network.floating import FloatNetwork

    Numbers = npt.NDArray[np.float32]

__all__ = ["quantised"]

_SHARES = np.linspace(1.0, 0.3, 36)
"""Of the largest number: where the range of the bytes may end."""
_SAMPLES = 40_000
"""Results of a layer that are kept of each picture, at most."""
_WEIGHT_STEPS, _RESULT_STEPS = 127, 255


def quantised(
    network: FloatNetwork,
    pictures: Iterable[npt.NDArray[np.uint8]],
    origin: Mapping[str, object],
    *,
    seed: int = 0,
) -> Network:
    """Return the network in eight bits.

    Parameters
    ----------
    pictures
        Evened ones, as various as those that it will see.
    origin
        What its file shall tell about it.
    seed
        Of the choice among the layers' results.

    Raises
    ------
    ValueError
        If there is no picture.
    """
    units = _units(network, pictures, np.random.default_rng(seed))
    layers = []
    for layer in network.layers:
        weight = network.weights[layer.name]
        scale = _weight_scales(weight.reshape(len(weight), -1))
        whole = np.rint(weight / scale[:, np.newaxis, np.newaxis, np.newaxis])
        layers.append(
            ByteLayer(
                layer,
                np.clip(whole, -_WEIGHT_STEPS, _WEIGHT_STEPS).astype(np.int8),
                scale,
                network.biases[layer.name].astype(np.float32),
                units[layer.name],
            )
        )
    return Network(tuple(layers), origin)


def _weight_scales(rows: Numbers) -> Numbers:
    """Return for each row the scale with the least squared error."""
    largest = np.abs(rows).max(axis=1)
    largest[largest == 0] = 1
    scales = largest * (_SHARES[:, np.newaxis] / _WEIGHT_STEPS)
    errors = []
    for scale in scales:
        whole = np.clip(np.rint(rows / scale[:, np.newaxis]), -_WEIGHT_STEPS, _WEIGHT_STEPS)
        errors.append(((whole * scale[:, np.newaxis] - rows) ** 2).sum(axis=1))
    best = np.argmin(errors, axis=0)
    return np.asarray(scales[best, np.arange(len(rows))], np.float32)


def _units(
    network: FloatNetwork, pictures: Iterable[npt.NDArray[np.uint8]], random: np.random.Generator
) -> dict[str, float]:
    samples: dict[str, list[Numbers]] = {layer.name: [] for layer in network.layers}
    for picture in pictures:
        made = network.results(picture)
        for name, kept in samples.items():
            results = made[name].ravel()
            kept.append(random.choice(results, min(_SAMPLES, results.size), replace=False))
    if not samples[network.layers[0].name]:
        raise ValueError("eight bits are chosen by what the network makes of pictures; give some")
    return {
        layer.name: 1.0 if layer.is_head else _unit(np.concatenate(samples[layer.name]))
        for layer in network.layers
    }


def _unit(results: Numbers) -> float:
    """Return the unit with the least squared error of results that are not below 0."""
    largest = float(results.max())
    if largest == 0:
        return 1.0
    units = largest * _SHARES / _RESULT_STEPS
    errors = [
        np.square(np.minimum(np.rint(results / unit), _RESULT_STEPS) * unit - results).mean()
        for unit in units
    ]
    return float(units[int(np.argmin(errors))])
