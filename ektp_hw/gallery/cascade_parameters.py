# SPDX-License-Identifier: Apache-2.0
"""How many fingers each stage of a search hands on, chosen from measured losses.

``benchmarks/cascade_loss.py`` measures which share of mates each stage loses at which share of the
gallery kept; the figures stand in ``benchmarks/README.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CascadeParameters"]


@dataclass(frozen=True)
class CascadeParameters:
    """Shares and numbers are of the fingers that one finger of the probe is held against."""

    near: float = 0.25
    """Share that codes hand on to sketches. A code is a first look at a whole finger, and a touch
    that shows another part of it looks different: this share, and not a smaller one, is what
    keeps such mates. It takes most of the time of a search among a million."""
    near_at_least: int = 20_000
    """In a small gallery sketches look at so many: some milliseconds."""
    alike: int = 1_500
    """Number that sketches hand on to the full comparison, about 20 microseconds each."""
    alike_share: float = 0.001
    """In a gallery of more than so many times that number, this share of it instead."""

    def near_of(self, fingers: int) -> int:
        """Return how many of so many fingers codes hand on."""
        return min(fingers, max(self.near_at_least, round(self.near * fingers)))

    def alike_of(self, fingers: int) -> int:
        """Return how many of so many fingers sketches hand on."""
        return min(fingers, max(self.alike, round(self.alike_share * fingers)))
