# SPDX-License-Identifier: Apache-2.0
"""The journal of a deduplication: what was found and how far it came, whenever the process dies.

One line of JSON after the other. The first says whose work this is; each other is a position, with
the pair that was found there or without one. A pair's line is on the disk before the pair is handed
out, so a run taken up again hands out the same pairs, none lost and none twice. A last line that a
crash cut short is not counted and is overwritten.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import GalleryDamaged, GalleryError
from ektp_hw.gallery.folder import unwritten
from ektp_hw.gallery.fusion import DuplicatePair, Finding, PartMatch
from ektp_hw.samples import Eye, FingerPosition

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.gallery.fusion import Part

__all__ = ["PairJournal"]

_FORMAT = "ektp_hw deduplication"


class PairJournal:
    """A journal on the disk, opened for going on.

    Parameters
    ----------
    path
        A file of its own; made if there is none.
    about
        What the work depends on (gallery, threshold, how it is searched); must be the same.

    Attributes
    ----------
    pairs
        What was found before, in order.
    position
        How far the work came, as `Deduplication.position`.

    Raises
    ------
    GalleryError
        If the journal is of other work, or cannot be written.
    GalleryDamaged
        If a line but the last cannot be read.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self._path = path
        self.pairs: list[DuplicatePair] = []
        self.position = "0.0"
        self._about = {"format": _FORMAT, **about}
        try:
            self._take_up(path.read_bytes() if path.exists() else b"")
        except OSError as error:
            raise unwritten(path, error) from error

    def _take_up(self, content: bytes) -> None:
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].splitlines()
        if lines and self._read(lines[0], 1) != self._about:
            raise GalleryError(
                f"{self._path} is the journal of another deduplication (of another gallery, "
                "threshold or manner of search); give another file, or begin without"
            )
        for number, line in enumerate(lines[1:], 2):
            self._count(self._read(line, number), number)
        if whole < len(content):
            os.truncate(self._path, whole)
        if not lines:
            self._write(self._about)

    def _read(self, line: bytes, number: int) -> Any:  # noqa: ANN401  # whatever JSON holds
        try:
            return json.loads(line)
        except ValueError as error:
            raise self._damaged(number) from error

    def _count(self, said: Any, number: int) -> None:  # noqa: ANN401  # whatever JSON holds
        try:
            if "a" in said:
                parts = tuple(
                    PartMatch(_part(probe), _part(reference), float(score))
                    for probe, reference, score in said["parts"]
                )
                findings = tuple(Finding[name] for name in said["findings"])
                pair = DuplicatePair(said["a"], said["b"], float(said["score"]), parts, findings)
                self.pairs.append(pair)
            self.position = str(said["at"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(number) from error

    def _damaged(self, number: int) -> GalleryDamaged:
        return GalleryDamaged(
            f"{self._path}: line {number} cannot be read; restore the file from a copy, or begin "
            "the deduplication anew with another one"
        )

    def enter(self, position: str, pair: DuplicatePair) -> None:
        """See a pair, and that the work came so far, on the disk."""
        self._write(
            {
                "at": position,
                "a": pair.a,
                "b": pair.b,
                "score": pair.score,
                "parts": [[_word(one), _word(two), score] for one, two, score in pair.parts],
                "findings": [finding.name for finding in pair.findings],
            }
        )

    def advance(self, position: str) -> None:
        """See on the disk that the work came so far."""
        self._write({"at": position})

    def _write(self, said: dict[str, Any]) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise unwritten(self._path, error) from error


def _word(part: Part) -> str:
    return f"{'eye' if isinstance(part, Eye) else 'finger'} {part.name}"


def _part(word: str) -> Part:
    kind, name = word.split(" ")
    return Eye[name] if kind == "eye" else FingerPosition[name]
