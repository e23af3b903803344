# SPDX-License-Identifier: Apache-2.0
"""Bring a gallery of version 1 to the present version, in its folder and at once.

The new files get other names than the old ones and are built beside them; replacing the manifest
is what makes them count, and only then are the old ones deleted. A crash before leaves a gallery of
version 1 with files beside it that the next attempt clears away; one after, a gallery of the new
version with old files that the next writer clears away. Numbers of enrolment are kept, and with
them the positions of interrupted deduplications.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw.errors import TemplateError
from ektp_hw.gallery import folder, version1
from ektp_hw.gallery.ledger import Ledger, Place, create_ledger
from ektp_hw.gallery.seal import PlainSeals
from ektp_hw.gallery.segment_file import Rows
from ektp_hw.gallery.shelves import Shelves
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ektp_hw.gallery.columns import Description

__all__ = ["migrated"]

_BATCH = 4096
_log = logging.getLogger(__name__)


def migrated(path: Path, description: Description, at: str, actor: str) -> folder.Manifest:
    """Return the gallery's manifest, of the present version from now on; needs the writer's lock.

    Raises
    ------
    GalleryDamaged
        If the old gallery's files are not its own. Single damaged templates cost a warning, and
        the old files are then kept.
    """
    manifest = folder.read_manifest(path)
    if manifest.version == folder.VERSION:
        if not manifest.kept:
            _clear(path, version1.FILES)
        return manifest
    _clear(path, [folder.SEGMENTS, *(f"{folder.LEDGER}{end}" for end in ("", "-wal", "-shm"))])
    with version1.OldGallery(path, manifest.identity) as old:
        (path / folder.SEGMENTS).mkdir()
        create_ledger(path / folder.LEDGER, manifest.identity)
        ledger = Ledger(path / folder.LEDGER, manifest.identity, writable=True)
        shelves = Shelves(
            path / folder.SEGMENTS,
            manifest.identity,
            ledger,
            description,
            PlainSeals(),
            writable=True,
        )
        try:
            lost = _carry_over(old, ledger, shelves, (at, actor, "migrate", ""))
        finally:
            shelves.close()
            ledger.close()
    for each in lost:
        _log.warning("%s; version 1's files are kept in %s, enrol the finger anew", each, path)
    folder.sync_folder(path / folder.SEGMENTS)
    new = replace(manifest, version=folder.VERSION, kept=bool(lost))
    new.write(path)
    if not lost:
        _clear(path, version1.FILES)
    return new


def _carry_over(
    old: version1.OldGallery, ledger: Ledger, shelves: Shelves, entry: tuple[str, str, str, str]
) -> list[str]:
    """Copy everybody; return what could not be."""
    lost = []
    people = iter(old.people())
    while batch := list(itertools.islice(people, _BATCH)):
        for each in batch:
            lost += each.lost
            for finger in list(each.fingers):
                try:
                    FingerprintTemplate.from_bytes(finger[1])
                except TemplateError as error:
                    lost.append(f"{each.id}: {error}")
                    each.fingers.remove(finger)
        _add([each for each in batch if each.fingers], ledger, shelves)
    ledger.go_on_behind(old.last_seq())
    ledger.add([], [], {}, [entry])
    ledger.forget()
    return lost


def _add(people: list[version1.OldPerson], ledger: Ledger, shelves: Shelves) -> None:
    if not people:
        return
    fingers = [each for one in people for each in one.fingers]
    templates = [FingerprintTemplate.from_bytes(stored) for _, stored in fingers]
    many = np.array([len(each.fingers) for each in people])
    rows = Rows(
        people=np.repeat(np.array([each.seq for each in people], np.int64), many),
        positions=np.array([position for position, _ in fingers], np.uint8),
        codes=shelves.description.codes(templates),
        sketches=shelves.description.sketches(templates),
        templates=[each.to_bytes() for each in templates],
    )
    laid = shelves.lay_down(rows, np.cumsum(many) - many)
    places = [
        Place(one.seq, one.id, one.name, one.enrolled_at, *where, rows=len(one.fingers))
        for one, where in zip(people, laid.places, strict=True)
    ]
    ledger.add(places, laid.segments, laid.blocks, [])


def _clear(path: Path, names: Iterable[str]) -> None:
    for name in names:
        each = path / name
        if each.is_dir():
            shutil.rmtree(each)
        else:
            with contextlib.suppress(FileNotFoundError):
                each.unlink()
