# SPDX-License-Identifier: Apache-2.0
"""What can be measured on a print in 3 ms: area, clarity, ink, sharpness, place, dirt.

Orientation and segmentation are those of the extraction; everything else works on a picture of
half the resolution, and on cells of 4 by 4 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ektp_hw.fingerprint import quality_parameters as p
from ektp_hw.fingerprint.normalisation import (
    blurred,
    by_cell,
    known,
    levelled,
    normalised,
    on_whole_cells,
)
from ektp_hw.fingerprint.orientation import structure_tensor
from ektp_hw.fingerprint.parameters import CELL, ENERGY_SIGMA, PPI
from ektp_hw.fingerprint.polarity import ridges_are_white
from ektp_hw.fingerprint.segmentation import foreground

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.fingerprint.orientation import StructureTensor

__all__ = ["MEASURES", "measured"]

MEASURES = (
    "area_mm2",
    "clarity",
    "variety",
    "ink",
    "modulation",
    "sharpness",
    "smear",
    "cut_mm",
    "dirt_mm2",
)
"""Names of the measures: area of the print; mean coherence of its ridges (0..1); how differently
they run (0..1); skewness of darkness (wet below 0, dry above); ridge amplitude against mean
darkness; fine detail against amplitude; loss of amplitude by ridges of one direction; length cut
off at one side while the other lies bare; area of marks beside the print."""

_MM = CELL * 25.4 / PPI  # of a cell's side


@dataclass(frozen=True)
class _Relief:
    """Darkness at half resolution, and the amplitude of ridges and of their fine detail by cell."""

    band: npt.NDArray[np.float32]
    amplitude: npt.NDArray[np.float32]
    detail: npt.NDArray[np.float32]


def measured(picture: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Return every one of `MEASURES` of a picture at 500 ppi; all 0 where no ridges were found."""
    canvas = on_whole_cells(picture)
    seen = known(canvas)
    level = levelled(canvas, seen)
    tensor = structure_tensor(normalised(level, seen))
    mask = foreground(level, seen, tensor)
    if not mask.any():
        return dict.fromkeys(MEASURES, 0.0)
    if ridges_are_white(canvas, mask):
        canvas, level = 255 - canvas, -level
    inner = _inner(mask)
    relief = _relief(level, mask.shape)
    local = tensor.averaged(ENERGY_SIGMA)
    modulation, ink = _ink(canvas, relief, inner)
    detail = float(relief.detail[inner].mean() / max(float(relief.amplitude[inner].mean()), 1e-3))
    values = (
        float(mask.sum()) * _MM**2,
        float(tensor.averaged(6.0).coherence[inner].mean()),
        _variety(local, mask),
        ink,
        modulation,
        detail,
        _smear(local, relief, inner),
        _cut(mask),
        _dirt(relief, mask, by_cell(seen) > 0.5),
    )
    return dict(zip(MEASURES, values, strict=True))


def _inner(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the print without its rim, or all of it where nothing else would be left."""
    window = np.ones((p.INNER_SIDE, p.INNER_SIDE), np.uint8)
    inner = cv2.erode(mask.astype(np.uint8), window) > 0
    return inner if inner.any() else mask


def _halved(array: npt.NDArray[np.float32], cells: tuple[int, ...]) -> npt.NDArray[np.float32]:
    size = (cells[1] * CELL // 2, cells[0] * CELL // 2)
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), np.float32)


def _relief(level: npt.NDArray[np.float32], cells: tuple[int, ...]) -> _Relief:
    half = _halved(level, cells)
    band = blurred(half, p.FINE_SIGMA) - blurred(half, p.BAND_SIGMA)
    fine = half - blurred(half, p.SHARP_SIGMA)
    return _Relief(band, _amplitude(band, cells), _amplitude(fine, cells))


def _amplitude(band: npt.NDArray[np.float32], cells: tuple[int, ...]) -> npt.NDArray[np.float32]:
    power = cv2.resize(band * band, cells[::-1], interpolation=cv2.INTER_AREA)
    return np.sqrt(blurred(np.asarray(power, np.float32), p.ENERGY_CELLS))


def _ink(
    canvas: npt.NDArray[np.float32], relief: _Relief, inner: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return ridge amplitude against mean darkness, and the skewness of the ridges' darkness."""
    fine = np.repeat(np.repeat(inner, CELL // 2, axis=0), CELL // 2, axis=1)
    dark = relief.band[fine]
    even = np.clip(dark / max(float(dark.std()), 1e-3), -p.TAIL, p.TAIL)
    half = _halved(canvas, inner.shape)
    ground = float(np.percentile(half, p.GROUND_PERCENTILE))
    power = float(np.square(relief.amplitude[inner]).mean())
    darkness = max(ground - float(half[fine].mean()), 1.0)
    return power**0.5 / darkness, float((even * even * even).mean())


def _directions(
    tensor: StructureTensor, cells: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return cosine and sine of the doubled angle of each cell."""
    cosine, sine = tensor.difference[cells], tensor.cross[cells]
    length = np.hypot(cosine, sine) + np.float32(1e-6)
    return cosine / length, sine / length


def _variety(tensor: StructureTensor, mask: npt.NDArray[np.bool_]) -> float:
    """Return 0 where all ridges run one way, 1 where they cancel out."""
    cosine, sine = _directions(tensor, mask)
    weight = tensor.coherence[mask]
    total = max(float(weight.sum()), 1e-3)
    return 1 - float(np.hypot((cosine * weight).sum(), (sine * weight).sum())) / total


def _smear(tensor: StructureTensor, relief: _Relief, inner: npt.NDArray[np.bool_]) -> float:
    """Return how far amplitude follows direction: ridges along a slide stay, those across go."""
    cosine, sine = _directions(tensor, inner)
    amplitude = relief.amplitude[inner]
    columns = np.stack((np.ones_like(cosine), cosine, sine))
    # Where all ridges run one way nothing can be told, and the fit must not pretend to.
    doubt = p.SMEAR_DOUBT * len(cosine) * np.diag([0.0, 1.0, 1.0])
    _, along, across = np.linalg.solve(columns @ columns.T + doubt, columns @ amplitude)
    return float(np.hypot(along, across) / max(float(amplitude.mean()), 1e-3))


def _cut(mask: npt.NDArray[np.bool_]) -> float:
    """Return the millimetres cut off at a border that the opposite side would have had room for."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    sides = (
        (mask[:, :2].any(axis=1).sum(), width - 1 - columns[-1]),
        (mask[:, -2:].any(axis=1).sum(), columns[0]),
        (mask[:2].any(axis=0).sum(), height - 1 - rows[-1]),
        (mask[-2:].any(axis=0).sum(), rows[0]),
    )
    return _MM * float(max(min(int(cut), int(bare)) for cut, bare in sides))


def _dirt(relief: _Relief, mask: npt.NDArray[np.bool_], seen: npt.NDArray[np.bool_]) -> float:
    window = np.ones((p.FAR_SIDE, p.FAR_SIDE), np.uint8)
    far = (cv2.dilate(mask.astype(np.uint8), window) == 0) & seen
    marks = max(p.DIRT_FLOOR, p.DIRT_AMPLITUDE * float(np.median(relief.amplitude[mask])))
    return float((relief.amplitude[far] > marks).sum()) * _MM**2
