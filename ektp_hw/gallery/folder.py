# SPDX-License-Identifier: Apache-2.0
"""The folder a gallery lives in: its files, its manifest, and how it comes into being at once.

A new gallery is built in a folder beside its place and renamed into it, so that there is never
half of one. Only its owner may look inside until the owner opens the folder's permissions: these
are people's fingerprints.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ektp_hw.errors import GalleryDamaged, GalleryError, GalleryFull, GalleryLocked
from ektp_hw.gallery.keyring import KEYS, create_keys
from ektp_hw.gallery.ledger import create_ledger

__all__ = [
    "LEDGER",
    "LOCK",
    "MANIFEST",
    "SEGMENTS",
    "VERSION",
    "Manifest",
    "bytes_on_disk",
    "open_folder",
    "read_manifest",
    "sync_folder",
    "unwritten",
]

MANIFEST = "manifest.json"
LEDGER = "gallery.sqlite"
SEGMENTS = "segments"
LOCK = "writer.lock"
VERSION = 2
_FORMAT = "ektp_hw gallery"
_NO_ROOM = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


@dataclass(frozen=True)
class Manifest:
    """What a gallery says about itself.

    Parameters
    ----------
    identity
        16 bytes, the same in its ledger and segments.
    created
        Day and time, ISO 8601.
    encrypted
        Whether a `Keyring` belongs to it.
    kept
        Whether files of an older version are kept beside it, because not all could be read.
    """

    identity: bytes
    version: int
    created: str
    encrypted: bool = False
    kept: bool = False

    def write(self, folder: Path) -> None:
        """Put it into a folder in place of the one that is there, and see it on the disk."""
        told: dict[str, object] = {
            "format": _FORMAT,
            "version": self.version,
            "identity": self.identity.hex(),
            "created": self.created,
        }
        told |= {"encrypted": True} if self.encrypted else {}
        told |= {"kept": True} if self.kept else {}
        new = folder / f"{MANIFEST}.new"
        with new.open("w", encoding="utf-8") as file:
            json.dump(told, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder / MANIFEST)
        sync_folder(folder)


def open_folder(path: Path, *, create: bool, secret: str | bytes | None) -> Manifest:
    """Return the manifest of the gallery at ``path``, making an empty gallery if asked to.

    Raises
    ------
    GalleryError
        If there is no gallery and none may or can be made.
    GalleryDamaged
        If the manifest or a file beside it says that this is a gallery, and it cannot be read.
    GalleryLocked
        If it is encrypted and there is no secret.
    """
    try:
        if path.exists() and not path.is_dir():
            raise GalleryError(f"{path} is a file, and a gallery is a folder; give another path")
        if (path / MANIFEST).exists():
            return _fitting(read_manifest(path), path, secret)
        inside = {each.name for each in path.iterdir()} if path.exists() else set()
        if inside & {LEDGER, SEGMENTS}:
            raise GalleryDamaged(f"{path / MANIFEST} is missing; restore it from a copy")
        if inside:
            raise GalleryError(f"{path} holds other files and no gallery; give a new folder")
        if not create:
            raise GalleryError(f"{path} holds no gallery; check the path, or let one be created")
        return _create(path, secret)
    except OSError as error:
        raise unwritten(path, error) from error


def _fitting(manifest: Manifest, path: Path, secret: str | bytes | None) -> Manifest:
    if manifest.encrypted and secret is None:
        raise GalleryLocked(f"{path} is encrypted; give its passphrase or key file")
    if secret is not None and not manifest.encrypted:
        raise GalleryError(
            f"{path} is not encrypted; open it without a passphrase or key file, or enrol its "
            "people into a new gallery made with one"
        )
    return manifest


def unwritten(path: Path, error: OSError) -> GalleryError:
    """Return our error for the operating system's."""
    if error.errno in _NO_ROOM:
        return GalleryFull(
            f"{path} cannot be written, the disk or the quota is full; make room and try again, "
            "what was enrolled before is kept"
        )
    return GalleryError(
        f"{path} could not be used ({error.strerror or error}); check the path, the permissions "
        "and the disk"
    )


def bytes_on_disk(path: Path) -> int:
    """Return the room that a gallery's files take; holes in them take none."""
    found = [each.stat() for each in path.rglob("*") if each.is_file()]
    return sum(getattr(each, "st_blocks", -(-each.st_size // 512)) * 512 for each in found)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest in a folder that has one.

    Raises
    ------
    GalleryError, GalleryDamaged
        If it is of a newer release, or cannot be read.
    """
    path = folder / MANIFEST
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        manifest = Manifest(
            bytes.fromhex(told["identity"]),
            int(told["version"]),
            str(told["created"]),
            encrypted=bool(told.get("encrypted", False)),
            kept=bool(told.get("kept", False)),
        )
        ours = told["format"] == _FORMAT and len(manifest.identity) == 16
    except (ValueError, KeyError, TypeError, AttributeError):
        ours = False
    if not ours:
        raise GalleryDamaged(f"{path} is damaged or not a gallery's; restore it from a copy")
    if not 1 <= manifest.version <= VERSION:
        raise GalleryError(
            f"{folder} is a gallery of version {manifest.version} and this ektp_hw reads "
            f"versions 1 to {VERSION}; install the release that wrote it"
        )
    return manifest


def _create(path: Path, secret: str | bytes | None) -> Manifest:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(uuid.uuid4().bytes, VERSION, now, encrypted=secret is not None)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{path.name}.new-", dir=path.parent))
    try:
        (new / SEGMENTS).mkdir()
        create_ledger(new / LEDGER, manifest.identity)
        if secret is not None:
            create_keys(new / KEYS, manifest.identity, secret)
        manifest.write(new)
        if path.exists():
            path.rmdir()
        new.rename(path)
        sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        if (path / MANIFEST).exists():  # another process was faster
            return _fitting(read_manifest(path), path, secret)
        raise
    return manifest


def sync_folder(path: Path) -> None:
    """See the names in a folder on the disk; Windows does that by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
