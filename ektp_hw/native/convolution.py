# SPDX-License-Identifier: Apache-2.0
"""Kernel family "convolve": one layer of a convolutional network in eight bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.native.arrays import check
from ektp_hw.native.library import ffi, lib

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["PackedConvolution", "Plane", "convolve", "pack_convolution"]

_ALIGNMENT = 64
_FOURS_BLOCK = 64
_TWOS_BLOCK = 16
"""Outputs side by side in two of the orders of the weights (native/src/convolve.h)."""
_MOST_INPUTS = 256


class Plane:
    """A picture of ``channels`` bytes a pixel with a margin of zeros around it.

    Parameters
    ----------
    rows, columns
        Without the margin.
    margin
        Pixels on each side that a layer may read beyond the picture.
    """

    __slots__ = ("channels", "columns", "inside", "margin", "padded", "rows")

    def __init__(self, rows: int, columns: int, channels: int, margin: int = 0) -> None:
        self.rows, self.columns, self.channels, self.margin = rows, columns, channels, margin
        self.padded: npt.NDArray[np.uint8] = np.zeros(
            (rows + 2 * margin, columns + 2 * margin, channels), np.uint8
        )
        self.inside = self.padded[margin : margin + rows, margin : margin + columns]
        """The picture itself, (rows, columns, channels)."""

    @property
    def stride(self) -> int:
        """Bytes from one row to the next."""
        return (self.columns + 2 * self.margin) * self.channels

    def at(self, row: int, column: int) -> Any:  # noqa: ANN401  # a C pointer
        """Return where a pixel lies; row and column may be as far outside as the margin."""
        place = (row + self.margin) * self.stride + (column + self.margin) * self.channels
        return ffi.from_buffer("uint8_t[]", self.padded, require_writable=True) + place


@dataclass(frozen=True, slots=True)
class PackedConvolution:
    """The weights of one layer in the orders that the core reads; made by `pack_convolution`.

    Parameters
    ----------
    by_rows, by_fours, by_twos
        See ``native/src/convolve.h``.
    scale, shift
        What a sum is multiplied by, and what is added to the product; (outputs,).
    inputs, outputs, side
        Channels read, channels computed (a multiple of 16), side of the window.
    kept
        Outputs that mean something; those beyond were filled up with zeros.
    """

    by_rows: npt.NDArray[np.int8]
    by_fours: npt.NDArray[np.int8]
    by_twos: npt.NDArray[np.int16]
    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]
    inputs: int
    outputs: int
    side: int
    kept: int


def pack_convolution(
    weights: npt.NDArray[np.int8],
    scale: npt.NDArray[np.float32],
    shift: npt.NDArray[np.float32],
) -> PackedConvolution:
    """Lay the weights of a layer out as the core reads them.

    Parameters
    ----------
    weights
        (outputs, inputs, side, side): inputs a multiple of 4 up to 256, side 1 or 3.
    scale, shift
        (outputs,), finite.

    Raises
    ------
    ValueError
        If an array has another type, shape or layout, or a number that cannot be.
    """
    check("weights", weights, np.int8, (-1, -1, -1, -1))
    kept, inputs, side, across = weights.shape
    check("scale", scale, np.float32, (kept,))
    check("shift", shift, np.float32, (kept,))
    if not kept or not 4 <= inputs <= _MOST_INPUTS or inputs % 4 or side != across:
        raise ValueError(f"weights must be square and their inputs 4, 8 .. 256: {weights.shape}")
    if side not in {1, 3}:
        raise ValueError(f"weights must have a side of 1 or 3, not {side}")
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        raise ValueError("scale and shift must be finite")
    outputs = -(-kept // _TWOS_BLOCK) * _TWOS_BLOCK
    taps = inputs * side * side
    rows = np.zeros((outputs, taps), np.int8)
    rows[:kept] = weights.transpose(0, 2, 3, 1).reshape(kept, taps)
    # Four bytes, and two numbers of 16 bits, move as one of 32.
    fours, twos = rows.view(np.uint32), rows.astype(np.int16).view(np.uint32)
    blocks = [fours[first : first + _FOURS_BLOCK] for first in range(0, outputs, _FOURS_BLOCK)]
    by_twos = twos.reshape(-1, _TWOS_BLOCK, taps // 2).transpose(0, 2, 1)
    filled = np.zeros((2, outputs), np.float32)
    filled[0, :kept], filled[1, :kept] = scale, shift
    return PackedConvolution(
        rows,
        _aligned(np.concatenate([block.T.ravel() for block in blocks])).view(np.int8),
        _aligned(by_twos.ravel()).view(np.int16),
        filled[0],
        filled[1],
        inputs,
        outputs,
        side,
        kept,
    )


def _aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy that begins with a cache line."""
    room = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    copy = room[start : start + array.nbytes].view(array.dtype)
    copy[:] = array
    return copy


def convolve(
    source: Plane,
    weights: PackedConvolution,
    out: Plane | npt.NDArray[np.float32],
    *,
    step: int = 1,
    dilation: int = 1,
    added: Plane | None = None,
    added_scale: float = 1.0,
    repeat: int = 1,
) -> None:
    """Apply one layer to a picture; what is computed says ``ektp_convolve`` in the C header.

    Parameters
    ----------
    source
        With a margin of at least ``dilation`` where the window is 3 x 3.
    out
        Bytes cut at 0 and 255, (rows, columns) = those of the source over ``step``, rounded up,
        times ``repeat``; or an array (rows, columns, kept) that gets the numbers as they are.
    step, dilation
        Pixels of the source from one output to the next, and from one tap to the next.
    added
        As large as ``out``: added to the result, times ``added_scale``, before it is cut. It may be
        ``out`` itself.
    repeat
        Side of the square of pixels that each result becomes.

    Raises
    ------
    ValueError
        If sizes do not fit each other, or ``out`` is the source.
    """
    if min(step, dilation, repeat) < 1:
        raise ValueError("step, dilation and repeat must be at least 1")
    rows, columns = -(-source.rows // step), -(-source.columns // step)
    reach = weights.side // 2 * dilation
    if source.channels != weights.inputs or source.margin < reach:
        raise ValueError(
            f"source must have {weights.inputs} channels and a margin of {reach}, "
            f"not {source.channels} and {source.margin}"
        )
    layer = ffi.new("ektp_convolution *")
    layer.source = source.at(-reach, -reach)
    layer.source_stride = source.stride
    layer.rows, layer.columns, layer.step, layer.dilation = rows, columns, step, dilation
    layer.inputs, layer.outputs, layer.side = weights.inputs, weights.outputs, weights.side
    layer.by_rows = ffi.from_buffer("int8_t[]", weights.by_rows)
    layer.by_fours = ffi.from_buffer("int8_t[]", weights.by_fours)
    layer.by_twos = ffi.from_buffer("int16_t[]", weights.by_twos)
    layer.scale = ffi.from_buffer("float[]", weights.scale)
    layer.shift = ffi.from_buffer("float[]", weights.shift)
    layer.repeat = repeat
    if isinstance(out, Plane):
        shape = (rows * repeat, columns * repeat, weights.outputs)
        for name, plane in (("out", out), ("added", added)):
            if plane is not None and plane.inside.shape != shape:
                raise ValueError(f"{name} must be of shape {shape}, not {plane.inside.shape}")
        if out is source:
            raise ValueError("out must be another plane than the source")
        layer.out, layer.out_stride = out.at(0, 0), out.stride
        if added is not None:
            layer.added, layer.added_stride = added.at(0, 0), added.stride
            layer.added_scale = added_scale
    else:
        check("out", out, np.float32, (rows, columns, weights.kept))
        if repeat != 1 or added is not None:
            raise ValueError("where out gets numbers, repeat must be 1 and nothing be added")
        layer.numbers = ffi.from_buffer("float[]", out, require_writable=True)
        layer.kept = weights.kept
    lib.ektp_convolve(layer)
