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

    everybody: int = 2_000
    """A gallery of so many fingers is compared whole: no slower than the stages, nothing lost."""
    likely: float = 0.06
    """Share that the first sight hands on to the comparison of sketches; beyond it two
    mates in a thousand are lost, and a third of a microsecond is spent on each."""
    likely_at_least: int = 30_000
    """In a small gallery so many: ten milliseconds, in which hardly a mate is lost."""
    alike: int = 500
    """Number that sketches hand on to the full comparison, which with the reading and preparing of
    the template takes some 25 microseconds each ..."""
    alike_share: float = 0.0005
    """... or in a gallery of more than a million this share."""
    alike_at_least: int = 25
    """Of a probe's several fingers each hands on fewer, since it takes but one of them to find a
    person, and all fingers of each person found are compared; but so many at least."""

    def likely_of(self, total: int) -> int:
        """Return how many of so many fingers the first sight hands on."""
        return min(total, max(self.likely_at_least, round(self.likely * total)))

    def alike_of(self, total: int, fingers: int = 1) -> int:
        """Return how many of so many sketches hand on for each of the probe's fingers."""
        most = max(self.alike, round(self.alike_share * total))
        return min(total, max(self.alike_at_least, most // fingers**2))
