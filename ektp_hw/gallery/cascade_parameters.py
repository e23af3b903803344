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
    likely: float = 0.08
    """Share that the first sight hands on to the comparison of sketches: beyond it two mates in a
    thousand are lost, and a fifth of a microsecond is spent on each ..."""
    likely_at_least: int = 15_000
    """... or in a small gallery so many: five milliseconds, in which hardly a mate is lost."""
    alike: float = 0.0005
    """Share that sketches hand on to the full comparison, which with the reading and preparing of
    the template takes some 35 microseconds each ..."""
    alike_at_least: int = 400
    """... or in a small gallery so many."""
    of_each_at_least: int = 10
    """So many at least of each of a probe's several fingers."""

    def likely_of(self, total: int, fingers: int = 1) -> int:
        """Return how many of so many fingers the first sight hands on for each of the probe's.

        A person is found by any of the fingers, so each of several may hand on fewer.
        """
        most = max(self.likely_at_least, round(self.likely * total))
        return min(total, -(-most // fingers))

    def alike_of(self, total: int, fingers: int = 1) -> int:
        """Return how many of so many sketches hand on for each of the probe's fingers.

        Fewer by the square, since all fingers of each person found are compared as well.
        """
        most = max(self.alike_at_least, round(self.alike * total))
        return min(total, max(self.of_each_at_least, most // fingers**2))
