# SPDX-License-Identifier: Apache-2.0
"""What a look at a station starts from: which station this is, and where its world is read.

Everything a probe reads of the machine goes through `root`, so that a test can put a broken
machine there; everything it asks of the network goes to the centre named here.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import StationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["StationProfile", "Surroundings", "read_profile"]

_PLACES = (Path("/etc/ektp-hw/station.toml"), Path("~/.config/ektp-hw/station.toml"))
"""Where a station's profile is looked for; the later one counts."""
_TEXTS = ("name", "district", "code", "centre", "proxy", "health", "measure")
_FILES = ("waiting", "authorities")
_KEYS = {*_TEXTS, *_FILES, "expects", "reference_hosts"}


@dataclass(frozen=True)
class StationProfile:
    """Which station this is.

    Parameters
    ----------
    name, district, code
        As they stand in letters: "Cipocok Jaya", "Kota Serang", "36.73.05".
    centre
        Address of the central service, ``https://...``; empty if the station sends nothing.
    expects
        Kinds of device that must be there: ``fingerprint``, ``iris``, ``signature``, ``card``,
        and ``camera`` for the one that takes portraits.
    waiting
        Folder of records that wait to be sent; None if there is none.
    proxy
        Address of a web proxy; empty for none.
    authorities
        File (PEM) of the authorities that sign the centre's certificate; None for the system's.
    health, measure
        Paths at the centre: one that answers 2xx while its application works, and one of at least
        64 KB to time a transfer by. Empty if there are none, then neither is asked.
    reference_hosts
        Other hosts that may be asked, ``host`` or ``host:port`` (443 if not given). They show
        whether the provider works while the centre is silent. None by default.
    """

    name: str = ""
    district: str = ""
    code: str = ""
    centre: str = ""
    expects: tuple[str, ...] = ()
    waiting: Path | None = None
    proxy: str = ""
    authorities: Path | None = None
    health: str = ""
    measure: str = ""
    reference_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """The station and its world.

    Parameters
    ----------
    profile
        Which station this is.
    root
        Where the machine's files are read: ``/`` but in tests.
    environment
        Environment variables.
    virtual
        Whether virtual devices are looked at too (they always are there and always work).
    """

    profile: StationProfile = field(default_factory=StationProfile)
    root: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    virtual: bool = False

    def path(self, name: str) -> Path:
        """Return where ``/name`` of the machine is read."""
        return self.root / name.lstrip("/")

    def read(self, name: str) -> str | None:
        """Return the stripped text of a file, None if it cannot be read."""
        try:
            return self.path(name).read_text("utf-8", errors="replace").strip()
        except OSError:
            return None


def read_profile(path: str | Path | None = None) -> StationProfile:
    """Read the station's profile, TOML; a missing default file is an empty profile.

    Raises
    ------
    StationError
        If the file named cannot be read, or is no profile.
    """
    given = Path(path) if path is not None else None
    found = [place for place in map(_expanded, _PLACES) if _is_there(place)]
    source = given or (found[-1] if found else None)
    if source is None:
        return StationProfile()
    try:
        table = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StationError(f"{source}: cannot be read as a station's profile: {error}") from error
    return _profile(table, source)


def _expanded(place: Path) -> Path:
    """Return the place with the home of this account, where it has one."""
    try:
        return place.expanduser()
    except RuntimeError:
        return place


def _is_there(place: Path) -> bool:
    """Tell whether a profile is there; a home that may not be entered has none for us."""
    try:
        return place.is_file()
    except OSError:
        return False


def _profile(table: dict[str, Any], source: Path) -> StationProfile:
    if unknown := set(table) - _KEYS:
        known = ", ".join(sorted(_KEYS))
        raise StationError(f"{source}: '{min(unknown)}' is unknown; a profile has {known}")
    texts = {key: table[key] for key in (*_TEXTS, *_FILES) if key in table}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise StationError(f"{source}: '{key}' must be a text in quotes")
    kinds = {"fingerprint", "iris", "signature", "card", "camera"}
    expects = _list(table, "expects", source)
    if not set(expects) <= kinds:
        raise StationError(f"{source}: 'expects' must be a list of {', '.join(sorted(kinds))}")
    paths = {key: Path(texts.pop(key)).expanduser() for key in _FILES if texts.get(key)}
    texts = {key: value for key, value in texts.items() if key in _TEXTS}
    hosts = _list(table, "reference_hosts", source)
    return StationProfile(
        **texts,
        waiting=paths.get("waiting"),
        authorities=paths.get("authorities"),
        expects=expects,
        reference_hosts=hosts,
    )


def _list(table: dict[str, Any], key: str, source: Path) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise StationError(f"{source}: '{key}' must be a list of texts in quotes")
    return tuple(value)
