# SPDX-License-Identifier: Apache-2.0
"""Every constant of describing the neighbourhood of a minutia, with its unit and its reason.

After the Minutia Cylinder-Code (R. Cappelli, M. Ferrara, D. Maltoni, "Minutia Cylinder-Code: a new
representation and matching technique for fingerprint recognition", IEEE TPAMI 32(12), 2010), in its
bit form, 480 bits that do not change when the finger turns: a disc around the minutia, turned by
its direction, is cut into cells; a cell has one bit for each band of direction difference, set
where neighbouring minutiae contribute enough. A mask tells which cells lie where the sensor saw the
finger. The compiled core finds them (``native/src/prepare``).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CylinderParameters"]


@dataclass(frozen=True)
class CylinderParameters:
    """Shape of the cylinders; lengths in pixels at 500 ppi."""

    radius: float = 85.0
    """Reach of a neighbourhood, about nine ridge periods."""
    cells: int = 10
    """Cells along the diameter; the 80 of 100 whose centre lies in the disc are used. The compiled
    core is made for so many."""
    bands: int = 6
    """Bands of direction difference: 80 x 6 bits fit the 512 of a code. Likewise."""
    position_spread: float = 9.0
    """Standard deviation of a minutia's place, one ridge period."""
    direction_spread: float = 0.5
    """Standard deviation of a direction difference, radians."""
    threshold: float = 0.15
    """Contribution (1 = a minutia in the cell's very centre) that sets a bit."""
    most_trust: float = 1.5
    """A minutia contributes as much as it is trusted (1 = the template's mean), at most this."""
    margin: float = 45.0
    """How far outside the hull of all minutiae the finger is still taken as seen."""
