# SPDX-License-Identifier: Apache-2.0
"""Addresses of galleries that are worked on by more than one process.

::

    people                                        a folder: this process does everything
    local://?path=people&workers=4                processes of this machine, without Ray
    ray://local?path=people&workers=4             Ray, started here and ended with the gallery
    ray://auto?path=people&workers=32             the Ray cluster that this machine is part of
    ray://10.0.0.5:6379?path=people&workers=32    that cluster, by its head's address

This machine must be part of the Ray cluster (``ray start --address=10.0.0.5:6379``), and ektp_hw
installed on all of its machines. Workers that see the gallery's folder under the same path read
it there; the others are sent the people they hold.

After the question mark: ``path`` the gallery's folder (needed), ``workers`` how many (one a
processor core unless given), ``replicas`` how many of them hold each block of people (1),
``deadline`` of a search in seconds (60), ``block`` people in a block (1024).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from ektp_hw.gallery.cluster.blocks import BLOCK_SIZE

__all__ = ["ClusterAddress", "is_cluster", "parse"]

_SCHEMES = {"local", "ray"}


@dataclass(frozen=True)
class ClusterAddress:
    """What an address says; ``head`` is empty for local processes."""

    scheme: str
    head: str
    path: str
    workers: int
    replicas: int = 1
    deadline: float = 60.0
    block: int = BLOCK_SIZE


def is_cluster(address: str) -> bool:
    """Whether an address means workers, and not just a folder."""
    return address.partition("://")[0] in _SCHEMES and "://" in address


def parse(address: str) -> ClusterAddress:
    """Read an address.

    Raises
    ------
    ValueError
        If it has no path, a number that cannot be, or a word that is not known.
    """
    parts = urlsplit(address)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    strangers = given.keys() - {"path", "workers", "replicas", "deadline", "block"}
    if parts.scheme not in _SCHEMES or strangers or parts.path.strip("/"):
        wrong = ", ".join(sorted(strangers)) or address.partition("?")[0]
        raise ValueError(
            f"{wrong!r} is not understood in a gallery's address; write it like "
            "ray://local?path=people&workers=4"
        )
    if parts.scheme == "ray" and not parts.netloc:
        raise ValueError(
            f"{address!r} does not say which Ray: ray://local, ray://auto or ray://HOST:PORT"
        )
    if not given.get("path"):
        raise ValueError(f"{address!r} names no gallery; add ?path=FOLDER")
    workers = _number(given, "workers", os.cpu_count() or 1)
    replicas = _number(given, "replicas", 1)
    if replicas > workers:
        raise ValueError(f"{replicas} replicas need as many workers; {workers} were asked for")
    return ClusterAddress(
        parts.scheme,
        parts.netloc,
        given["path"],
        workers,
        replicas,
        _seconds(given),
        _number(given, "block", BLOCK_SIZE),
    )


def _number(given: dict[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise ValueError(f"{name}={text} is no number of 1 to a million")
    return int(text)


def _seconds(given: dict[str, str]) -> float:
    text = given.get("deadline", "60")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"deadline={text} is no number of seconds")
    return seconds
