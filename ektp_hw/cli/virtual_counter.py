# SPDX-License-Identifier: Apache-2.0
"""A counter without hardware: prints are laid on the virtual scanner and come back as templates."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ektp_hw import fingerprint, virtual
from ektp_hw.samples import FingerPosition
from ektp_hw.station.report import Print

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from ektp_hw.devices import FingerprintScanner
    from ektp_hw.samples import FingerprintImage

__all__ = ["SCANNER_URI", "Stopwatch", "VirtualCounter"]

SCANNER_URI = "virtual:fingerprint"
CAPTURE_TIMEOUT = 30.0
"""Seconds; the virtual scanner answers at once, but a busy machine may be slow."""


class Stopwatch:
    """Adds up the seconds and the turns of each named part of the work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.turns: dict[str, int] = defaultdict(int)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what the block takes under this name."""
        begun = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - begun
        self.turns[name] += 1

    def mean_ms(self, name: str) -> float:
        """Return the mean milliseconds of one turn."""
        return 1000 * self.seconds[name] / max(self.turns[name], 1)

    def rows(self) -> list[tuple[str, str]]:
        """Return each part with its total and mean, for people to read."""
        return [
            (name, f"{spent:.2f} s ({self.turns[name]} x {self.mean_ms(name):.1f} ms)")
            for name, spent in self.seconds.items()
        ]


class VirtualCounter:
    """The virtual scanner, opened; used as a context.

    Raises
    ------
    DeviceError
        If the virtual scanner does not answer.
    """

    def __init__(self, stopwatch: Stopwatch) -> None:
        from ektp_hw.registry import open_device

        self._stopwatch = stopwatch
        self._station = virtual.station()
        self._scanner = cast("FingerprintScanner", open_device(SCANNER_URI))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._station.scanner.present(None)
        self._scanner.close()

    def record(
        self,
        image: FingerprintImage,
        caption: str,
        position: FingerPosition = FingerPosition.UNKNOWN,
    ) -> Print:
        """Lay a print on the scanner, capture it over the wire, and find its minutiae."""
        self._station.scanner.present(image)
        with self._stopwatch.part("capture over virtual USB"):
            captured = self._scanner.capture(timeout=CAPTURE_TIMEOUT)
        captured = replace(captured, position=position)
        with self._stopwatch.part("extraction of minutiae"):
            template = fingerprint.extract(captured)
        return Print(captured, template, caption)
