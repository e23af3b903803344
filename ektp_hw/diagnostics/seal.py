# SPDX-License-Identifier: Apache-2.0
"""A hash and a signature for a document, so that whoever receives it can check it.

The hash is SHA-256 of the canonical JSON: keys sorted, no blanks, UTF-8. The signature is Ed25519
(RFC 8032) with a key that the station makes on first use. A key proves that two letters come from
one station; which station it is, is known by comparing the key's fingerprint once. Without the
package `cryptography` a document has its hash and is "not signed".
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Check", "Mark", "canonical", "checked", "key_fingerprint", "key_path", "sealed"]

_SEAL = "seal"


class Mark(StrEnum):
    """What became of a document since it was made."""

    SIGNED = "signed"
    """Unchanged, and signed by the key named."""
    UNSIGNED = "unsigned"
    """Unchanged or made anew: it has a hash, which anybody can make, and no signature."""
    ALTERED = "altered"
    """Not what was hashed or signed."""
    UNCHECKABLE = "uncheckable"
    """Signed, but this machine lacks the package that checks signatures."""


@dataclass(frozen=True)
class Check:
    """The answer for one document; ``key`` is the fingerprint of the key that signed it."""

    mark: Mark
    hash: str
    key: str = ""


def canonical(value: object) -> bytes:
    """Return the one way to write plain data down, the same on every machine."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def key_path(environment: Mapping[str, str]) -> Path:
    """Return where the station's key lies: in the user's data folder (XDG base directories)."""
    home = environment.get("HOME") or "/var/lib"  # an account without a home: a service's
    folder = environment.get("XDG_DATA_HOME") or f"{home}/.local/share"
    return Path(folder) / "ektp-hw" / "station-key.pem"


def sealed(document: Mapping[str, Any], key_file: Path, page: str = "") -> dict[str, Any]:
    """Return the document with its seal: hash, and signature where one can be made.

    Parameters
    ----------
    document
        Plain data; a seal that it has is replaced.
    key_file
        The station's key; made there if it is missing. Nothing is raised if that fails: the seal
        then says why there is no signature.
    page
        The page that shows the document, without the document itself; it is signed with it.
    """
    content = {name: value for name, value in document.items() if name not in {_SEAL, "hash"}}
    hashed = hashlib.sha256(canonical(content)).hexdigest()
    seal: dict[str, Any] = {"hash": hashed, "page": _page_hash(page)}
    try:
        private = _key(key_file)
    except ImportError:
        seal |= {"signature": None, "reason": "no_library"}
    except (OSError, ValueError, TypeError):
        seal |= {"signature": None, "reason": "no_key"}
    else:
        seal["key"] = _encoded(private.public_key().public_bytes_raw())
        seal["signature"] = _encoded(private.sign(canonical(seal)))
    return {**content, "hash": hashed, _SEAL: seal}


def checked(document: Mapping[str, Any], page: str = "") -> Check:
    """Check a sealed document, and the page that shows it if there is one.

    Returns
    -------
    Check
        Never raises for a damaged document: it is altered.
    """
    content = {name: value for name, value in document.items() if name not in {_SEAL, "hash"}}
    seal = document.get(_SEAL)
    try:
        hashed = hashlib.sha256(canonical(content)).hexdigest()
    except (ValueError, TypeError):
        return Check(Mark.ALTERED, "")
    wanted = {"hash": hashed, "page": _page_hash(page)}
    if not isinstance(seal, dict) or document.get("hash") != hashed:
        return Check(Mark.ALTERED, hashed)
    if {name: seal.get(name) for name in wanted} != wanted:
        return Check(Mark.ALTERED, hashed)
    if seal.get("signature") is None:
        return Check(Mark.UNSIGNED, hashed)
    return _checked_signature(seal, hashed)


def key_fingerprint(key: str) -> str:
    """Return a public key's fingerprint: the first 80 bits of its SHA-256, in groups of four."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:20].upper()
    return " ".join(digest[at : at + 4] for at in range(0, 20, 4))


def _checked_signature(seal: Mapping[str, Any], hashed: str) -> Check:
    key = str(seal.get("key"))
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return Check(Mark.UNCHECKABLE, hashed, key_fingerprint(key))
    signed = {name: value for name, value in seal.items() if name != "signature"}
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(str(seal["signature"]), validate=True), canonical(signed))
    except (InvalidSignature, ValueError, TypeError, binascii.Error):
        return Check(Mark.ALTERED, hashed)
    return Check(Mark.SIGNED, hashed, key_fingerprint(key))


def _page_hash(page: str) -> str | None:
    return hashlib.sha256(page.encode()).hexdigest() if page else None


def _key(path: Path) -> Ed25519PrivateKey:
    """Return the station's key, made on first use; whoever is first, all get the same."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    if not path.exists():
        made = Ed25519PrivateKey.generate()
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_once(path, pem)
    read = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(read, Ed25519PrivateKey):
        raise TypeError(f"{path}: not an Ed25519 key")
    return read


def _write_once(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)  # fails if another process was first, whose key then counts
    finally:
        unfinished.unlink(missing_ok=True)


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
