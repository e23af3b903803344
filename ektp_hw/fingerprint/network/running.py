# SPDX-License-Identifier: Apache-2.0
"""The network in eight bits, as it is run: layer after layer through `native.convolve`.

A layer's result is a byte times its `unit`; zero is zero. The heads' numbers are real ones. A
picture of many pixels is run in bands that overlap by as much as a result depends on, so that
memory stays small and the answer is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.network.answer import Answer
from ektp_hw.fingerprint.network.layers import FIND, FLOW, PICTURE, Layer, checked, grain, halo
from ektp_hw.fingerprint.network.pictures import in_fours, padded

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float32]

__all__ = ["PICTURE_UNIT", "ByteLayer", "Network"]

PICTURE_UNIT = 1 / 255
"""A picture's white is 1."""
BAND_PIXELS = 3_000_000
"""Of a band without its overlap; the network needs about ten bytes a pixel."""


@dataclass(frozen=True, eq=False)
class ByteLayer:
    """A layer and its weights in eight bits.

    Parameters
    ----------
    layer
        What it reads and how.
    weights
        (outputs, inputs, side, side); a weight is this times the ``scale`` of its output.
    scale
        (outputs,), float32.
    bias
        (outputs,), float32.
    unit
        What 1 of the result stands for; of a head 1.0.
    """

    layer: Layer
    weights: npt.NDArray[np.int8]
    scale: Numbers
    bias: Numbers
    unit: float


class Network:
    """A network ready to be run; threads may share it.

    Parameters
    ----------
    layers
        In the order of their computation.
    origin
        Where its weights come from, for people to read.

    Raises
    ------
    ValueError
        If the layers make no network, or their weights do not fit them.
    """

    def __init__(self, layers: tuple[ByteLayer, ...], origin: Mapping[str, object]) -> None:
        self.byte_layers = layers
        self.origin = dict(origin)
        self.layers = checked(tuple(each.layer for each in layers))
        self.grain, self.halo = grain(self.layers), halo(self.layers)
        self._margin = max(layer.reach for layer in self.layers)
        self._last_use = {
            name: number
            for number, layer in enumerate(self.layers)
            for name in (layer.source, layer.added, layer.name)
            if name is not None
        }
        self._packed = tuple(_packed(layers))
        self._added_scale = _added_scales(layers)

    def run(self, evened: npt.NDArray[np.uint8]) -> Answer:
        """Return the network's answer about an evened picture of any size.

        Its last row and column are repeated up to whole cells of the coarsest layer.
        """
        picture = padded(evened, self.grain)
        rows, columns = picture.shape
        step = max(BAND_PIXELS // columns // self.grain, 1) * self.grain
        if rows <= step + 2 * self.halo:
            return self._run(picture)
        parts = []
        for first in range(0, rows, step):
            last = min(first + step, rows)
            top, bottom = max(first - self.halo, 0), min(last + self.halo, rows)
            answer = self._run(picture[top:bottom])
            parts.append(
                [_part(each, top, bottom, first, last) for each in (answer.find, answer.flow)]
            )
        find, flow = (np.concatenate(each) for each in zip(*parts, strict=True))
        return Answer(find, flow)

    def _run(self, picture: npt.NDArray[np.uint8]) -> Answer:
        rows, columns = picture.shape
        source = native.Plane(rows // 2, columns // 2, 4, self._margin)
        in_fours(picture, source.inside)
        made, idle = {PICTURE: source}, dict[tuple[int, ...], list[native.Plane]]()
        answer = {}
        for number, (layer, packed) in enumerate(zip(self.layers, self._packed, strict=True)):
            source = made[layer.source]
            rows, columns = -(-source.rows // layer.step), -(-source.columns // layer.step)
            out: native.Plane | Numbers
            if layer.is_head:
                out = answer[layer.name] = np.empty((rows, columns, packed.kept), np.float32)
            else:
                size = rows * layer.repeat, columns * layer.repeat, packed.outputs
                free = idle.get(size)
                out = made[layer.name] = free.pop() if free else native.Plane(*size, self._margin)
            native.convolve(
                source,
                packed,
                out,
                step=layer.step,
                dilation=layer.dilation,
                repeat=layer.repeat,
                added=None if layer.added is None else made[layer.added],
                added_scale=self._added_scale[number],
            )
            for name in [each for each in made if self._last_use[each] <= number]:
                done = made.pop(name)
                idle.setdefault((done.rows, done.columns, done.channels), []).append(done)
        return Answer(answer[FIND], answer[FLOW])


def _packed(layers: tuple[ByteLayer, ...]) -> list[native.PackedConvolution]:
    units, channels = {PICTURE: PICTURE_UNIT}, {PICTURE: 4}
    packed = []
    for each in layers:
        layer, unit = each.layer, 1.0 if each.layer.is_head else each.unit
        if not 0 < unit < np.inf:
            raise ValueError(f"the unit of layer {layer.name} must be above 0, not {unit}")
        scale = each.scale.astype(np.float64) * (units[layer.source] / unit)
        shift = each.bias.astype(np.float64) / unit
        made = native.pack_convolution(
            each.weights, scale.astype(np.float32), shift.astype(np.float32)
        )
        if made.inputs != channels[layer.source] or made.side != layer.side:
            raise ValueError(f"the weights of layer {layer.name} do not fit what it reads")
        if not layer.is_head and made.kept != made.outputs:
            raise ValueError(f"layer {layer.name} must have a multiple of 16 outputs")
        if layer.added is not None and channels[layer.added] != made.outputs:
            raise ValueError(f"layer {layer.name} adds what has another number of channels")
        units[layer.name], channels[layer.name] = unit, made.kept
        packed.append(made)
    if (channels[FIND], channels[FLOW]) != (6, 4):
        raise ValueError(
            f"the heads must have 6 and 4 channels, not {channels[FIND]}, {channels[FLOW]}"
        )
    return packed


def _added_scales(layers: tuple[ByteLayer, ...]) -> tuple[float, ...]:
    units = {each.layer.name: each.unit for each in layers}
    return tuple(
        1.0 if each.layer.added is None else units[each.layer.added] / each.unit for each in layers
    )


def _part(answer: Numbers, top: int, bottom: int, first: int, last: int) -> Numbers:
    """Return the rows of a band's answer that belong to its own pixels, first to last."""
    cell = (bottom - top) // len(answer)
    return answer[(first - top) // cell : (last - top) // cell]
