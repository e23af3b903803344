# SPDX-License-Identifier: Apache-2.0
"""What the network is made of: its layers by name, and how far each of them looks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

__all__ = ["FIND", "FLOW", "LAYERS", "PICTURE", "Layer", "checked", "grain", "halo"]

PICTURE = "picture"
"""Source of the first layers: squares of 2 x 2 pixels, 00 01 10 11, as four channels."""
PICTURE_CELL = 2
"""Pixels of the picture to a cell of that source."""
FIND, FLOW = "find", "flow"
"""The heads, whose numbers are the network's answer: where minutiae are, and how ridges run."""


@dataclass(frozen=True)
class Layer:
    """One convolution with zeros around its source, and ReLU behind it unless it is a head.

    Parameters
    ----------
    name, source
        Its own, and the one whose result it reads: an earlier layer or `PICTURE`.
    side
        Of its window: 1 or 3.
    step
        Cells of the source from one result to the next: 1 or 2.
    dilation
        Cells of the source from one tap to the next.
    repeat
        Each result becomes a square of that side: 1 or 2.
    added
        The earlier layer whose result is added before the ReLU, or None.
    """

    name: str
    source: str
    side: int = 3
    step: int = 1
    dilation: int = 1
    repeat: int = 1
    added: str | None = None

    @property
    def is_head(self) -> bool:
        """Whether its numbers leave the network as they are, without ReLU."""
        return self.name in {FIND, FLOW}

    @property
    def reach(self) -> int:
        """Cells of the source on each side that a result depends on."""
        return self.side // 2 * self.dilation


LAYERS = (
    Layer("a", PICTURE),
    Layer("b", "a", step=2),
    Layer("c", "b"),
    Layer("d", "c", step=2),
    Layer("e1", "d"),
    Layer("e2", "e1", dilation=2, added="d"),
    Layer("f1", "e2", dilation=4),
    Layer("f2", "f1", added="e2"),
    Layer("g1", "f2", dilation=2),
    Layer("g2", "g1", added="f2"),
    Layer(FLOW, "g2", side=1),
    Layer("h", "g2", side=1, repeat=2, added="c"),
    Layer("i", "h"),
    Layer("j", "i"),
    Layer(FIND, "j", side=1),
)
"""The network as it is trained (`ektp_hw.training.network`); a file of weights brings its own."""


def checked(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return the layers if they make a network.

    Raises
    ------
    ValueError
        If a layer reads or adds what is not there before it or has other cells, or a head is
        missing or stands where it cannot.
    """
    cells = {PICTURE: PICTURE_CELL}
    heads = set()
    for layer in layers:
        sides = (layer.side, layer.step, layer.repeat)
        if sides not in product((1, 3), (1, 2), (1, 2)) or not 1 <= layer.dilation <= 16:
            raise ValueError(
                f"layer {layer.name} has a side, step, repeat or dilation that none has"
            )
        if layer.name in cells or layer.name in heads or layer.source not in cells:
            raise ValueError(f"layer {layer.name} is there twice, or its source is not before it")
        cell = cells[layer.source] * layer.step / layer.repeat
        if cell < 1 or (layer.added is not None and cells.get(layer.added) != cell):
            raise ValueError(f"layer {layer.name} adds what has other cells, or none of its own")
        if layer.is_head and (layer.added is not None or layer.repeat != 1):
            raise ValueError(f"the head {layer.name} can neither add nor repeat")
        if layer.is_head:
            heads.add(layer.name)
        else:
            cells[layer.name] = int(cell)
    if heads != {FIND, FLOW}:
        raise ValueError(f"a network has the heads {FIND} and {FLOW}, this one has {sorted(heads)}")
    return layers


def grain(layers: tuple[Layer, ...]) -> int:
    """Return pixels a side that the picture must be a multiple of: the largest cell."""
    return max(cell for cell, _, _ in _supports(layers).values())


def halo(layers: tuple[Layer, ...]) -> int:
    """Return how many pixels around its own a cell of the heads depends on, in whole `grain`."""
    supports = _supports(layers)
    most = max(max(supports[head][1:]) for head in (FIND, FLOW))
    whole = grain(layers)
    return -(-most // whole) * whole


def _supports(layers: tuple[Layer, ...]) -> dict[str, tuple[int, int, int]]:
    """Return of each layer: pixels to a cell, and pixels it depends on before and behind them."""
    found = {PICTURE: (PICTURE_CELL, 0, 0)}
    for layer in layers:
        read, before, behind = found[layer.source]
        cell = read * layer.step
        before += read * layer.reach
        behind += read * (layer.reach + 1) - cell
        if layer.repeat > 1:
            share = cell - cell // layer.repeat
            cell, before, behind = cell // layer.repeat, before + share, behind + share
        if layer.added is not None:
            _, more_before, more_behind = found[layer.added]
            before, behind = max(before, more_before), max(behind, more_behind)
        found[layer.name] = cell, before, max(behind, 0)
    return found
