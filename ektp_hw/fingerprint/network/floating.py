# SPDX-License-Identifier: Apache-2.0
"""The network in single precision, slow and plain: what the one in eight bits is measured against.

Its weights are those that the training exports: an .npz file of ``<layer>.weight`` (outputs,
inputs, side, side) and ``<layer>.bias`` (outputs,), batch norms folded in, for pictures of 0 to 1.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.fingerprint.network.answer import Answer
from ektp_hw.fingerprint.network.layers import FIND, FLOW, LAYERS, PICTURE, Layer, checked, grain
from ektp_hw.fingerprint.network.pictures import in_fours, padded

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float32]

__all__ = ["FloatNetwork"]


@dataclass(frozen=True)
class FloatNetwork:
    """Layers with their weights in single precision.

    Parameters
    ----------
    layers
        In the order of their computation.
    weights, biases
        By the names of the layers: (outputs, inputs, side, side) and (outputs,).

    Raises
    ------
    ValueError
        If the weights of a layer are missing or do not fit its source.
    """

    layers: tuple[Layer, ...]
    weights: dict[str, Numbers]
    biases: dict[str, Numbers]

    def __post_init__(self) -> None:
        channels = {PICTURE: 4}
        for layer in checked(self.layers):
            name = layer.name
            if name not in self.weights or name not in self.biases:
                raise ValueError(f"the weights of layer {name} are missing")
            outputs, *rest = self.weights[name].shape
            if rest != [channels[layer.source], layer.side, layer.side]:
                raise ValueError(f"the weights of layer {name} do not fit what it reads")
            if self.biases[name].shape != (outputs,) or (not layer.is_head and outputs % 16):
                raise ValueError(f"layer {name} needs a bias each for a multiple of 16 outputs")
            if layer.added is not None and channels[layer.added] != outputs:
                raise ValueError(f"layer {name} adds what has another number of channels")
            channels[name] = outputs

    @classmethod
    def read(cls, path: Path, layers: tuple[Layer, ...] = LAYERS) -> FloatNetwork:
        """Read what the training exports.

        Raises
        ------
        ExtractorUnavailable
            If the file cannot be read or its weights do not fit the layers.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: np.asarray(stored[name], np.float32) for name in stored.files}
            parts = ("weight", "bias")
            weights, biases = (
                {each.name: arrays[f"{each.name}.{part}"] for each in layers} for part in parts
            )
            return cls(layers, weights, biases)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ExtractorUnavailable(
                f"{path}: these are no weights of the network ({type(error).__name__}: {error}); "
                "export them from the training again"
            ) from error

    def run(self, evened: npt.NDArray[np.uint8]) -> Answer:
        """Return the network's answer about an evened picture of any size."""
        made = self.results(evened)
        return Answer(made[FIND], made[FLOW])

    def results(self, evened: npt.NDArray[np.uint8]) -> dict[str, Numbers]:
        """Return what every layer makes of an evened picture, (rows, columns, channels) each."""
        whole = padded(evened, grain(self.layers))
        made = {PICTURE: in_fours(whole).astype(np.float32) / np.float32(255)}
        for layer in self.layers:
            result = self._filtered(layer, made[layer.source])
            if layer.repeat > 1:
                result = result.repeat(layer.repeat, 0).repeat(layer.repeat, 1)
            if layer.added is not None:
                result = result + made[layer.added]
            made[layer.name] = result if layer.is_head else np.maximum(result, 0)
        return made

    def _filtered(self, layer: Layer, source: Numbers) -> Numbers:
        weight = self.weights[layer.name]
        rows, columns, _ = source.shape
        reach = layer.reach
        framed = np.pad(source, ((reach, reach), (reach, reach), (0, 0)))
        size = -(-rows // layer.step), -(-columns // layer.step)
        result = np.tile(self.biases[layer.name], (*size, 1))
        for down, across in np.ndindex(layer.side, layer.side):
            top, left = down * layer.dilation, across * layer.dilation
            seen = framed[top : top + rows : layer.step, left : left + columns : layer.step]
            result += seen @ weight[:, :, down, across].T
        return result
