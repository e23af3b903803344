# SPDX-License-Identifier: Apache-2.0
"""Lay the ridge flow of one impression over that of another, as their minutiae were laid.

Two fingers whose minutiae agree by chance rarely agree in how their ridges run and how far apart
they lie everywhere else. Orientation fields as a second witness beside minutiae: J. Qi, S. Yang,
Y. Wang, "Fingerprint matching combining the global orientation field with minutia", Pattern
Recognition Letters 26(15), 2005; ridge period: Maltoni et al., Handbook of Fingerprint Recognition,
4.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.jit import kernel

if TYPE_CHECKING:
    import numpy.typing as npt

    from ektp_hw.templates import RidgeFlow

    Floats = npt.NDArray[np.float64]
    Singles = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

__all__ = ["CUES", "agree", "flow_table"]

CUES = ("flow_cells", "flow_agreement", "period_gap")
"""Names of the columns that `agree` returns, sums over the cells that both impressions show.

flow_cells: how many, NaN where either impression's flow is not known; flow_agreement: cosine of
twice the angle between the ridges; period_gap: absolute natural logarithm of the ratio of the ridge
periods.
"""


def flow_table(flow: RidgeFlow | None) -> Singles:
    """Return what `agree` needs of a flow, (3, rows, columns); rows and columns are 0 for None.

    Cosine and sine of twice the orientation and the logarithm of the period, NaN where unknown.
    """
    if flow is None:
        return np.zeros((3, 0, 0), np.float32)
    twice = 2 * flow.orientation
    table = np.stack((np.cos(twice), np.sin(twice), np.log(flow.period)))
    return np.asarray(table, np.float32)


@kernel
def _agreement(a: Singles, b: Singles, fit: Floats, cell: int, cues: Floats) -> None:
    """Add up over the cells of a, moved to where they fall on b."""
    c, s, right, up = fit[0], fit[1], fit[2], fit[3]
    twice_c, twice_s = c * c - s * s, 2.0 * c * s
    count, together, gap = 0, 0.0, 0.0
    for row in range(a.shape[1]):
        for column in range(a.shape[2]):
            if np.isnan(a[2, row, column]):
                continue
            x, y = (column + 0.5) * cell, -(row + 0.5) * cell
            to_column = int(np.floor((c * x - s * y + right) / cell))
            to_row = int(np.floor(-(s * x + c * y + up) / cell))
            if not (0 <= to_row < b.shape[1] and 0 <= to_column < b.shape[2]):
                continue
            if np.isnan(b[2, to_row, to_column]):
                continue
            cosine, sine = a[0, row, column], a[1, row, column]
            count += 1
            together += (cosine * twice_c - sine * twice_s) * b[0, to_row, to_column]
            together += (sine * twice_c + cosine * twice_s) * b[1, to_row, to_column]
            gap += abs(a[2, row, column] - b[2, to_row, to_column])
    cues[0], cues[1], cues[2] = count, together, gap


@kernel
def agree(
    own: Singles, others: Singles, shapes: Ints, swapped: Bools, fits: Floats, cell: int
) -> Floats:
    """Return the cues (references, len(CUES)) of one probe's flow against many references'.

    Parameters
    ----------
    own
        The probe's `flow_table`.
    others
        The tables of all references, flat, end to end.
    shapes
        (references, 2) rows and columns of each.
    swapped, fits
        As in `pairing.pair`; a fit of all zeros was found by nobody.
    cell
        Side of a cell, `FLOW_CELL`.
    """
    cues = np.zeros((swapped.shape[0], 3))
    start = 0
    for r in range(swapped.shape[0]):
        end = start + 3 * shapes[r, 0] * shapes[r, 1]
        other = others[start:end].reshape((3, shapes[r, 0], shapes[r, 1]))
        start = end
        if other.size == 0 or own.size == 0:
            cues[r, 0] = np.nan
            continue
        if fits[r, 0] == 0.0 and fits[r, 1] == 0.0:
            continue
        if swapped[r]:
            _agreement(other, own, fits[r], cell, cues[r])
        else:
            _agreement(own, other, fits[r], cell, cues[r])
    return cues
