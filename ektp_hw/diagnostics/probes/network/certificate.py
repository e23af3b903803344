# SPDX-License-Identifier: Apache-2.0
"""Dates and names of a certificate that was not accepted, read from its DER (RFC 5280, X.690).

`ssl` tells them only of certificates that it accepts, and those are not the ones in question.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Certificate", "read_certificate"]

_COMMON_NAME = bytes.fromhex("0603550403")
_ALTERNATIVE_NAMES = bytes.fromhex("0603551d11")
_SEQUENCE, _OCTETS, _DNS_NAME = 0x30, 0x04, 0x82


@dataclass(frozen=True)
class Certificate:
    """What a certificate says; times are seconds since 1970."""

    begins: float
    ends: float
    issuer: str
    names: tuple[str, ...]


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        whole = next(_parts(der))[1]
        fields = list(_parts(next(_parts(whole))[1]))
        if fields[0][0] == 0xA0:  # the version, which old certificates leave out
            fields = fields[1:]
        issuer, times, subject = fields[2][1], list(_parts(fields[3][1])), fields[4][1]
        names = tuple(_alternative_names(whole)) or (_common_name(subject),)
        return Certificate(_time(*times[0]), _time(*times[1]), _common_name(issuer), names)
    except (IndexError, StopIteration) as error:
        raise ValueError("this is no certificate") from error


def _parts(der: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size & 0x80:
            more = size & 0x7F
            size, at = int.from_bytes(der[at : at + more], "big"), at + more
        yield tag, der[at : at + size]
        at += size


def _time(tag: int, text: bytes) -> float:
    digits = text.decode("ascii", errors="replace")
    if tag == 0x17:  # UTCTime: two digits of the year, 1950 to 2049
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    match = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", digits)
    if match is None:
        raise ValueError(f"'{digits}' is no time of a certificate")
    return float(calendar.timegm(tuple(map(int, match.groups()))))


def _common_name(name: bytes) -> str:
    at = name.rfind(_COMMON_NAME)
    if at < 0:
        return ""
    return next(_parts(name[at + len(_COMMON_NAME) :]))[1].decode("utf-8", errors="replace")


def _alternative_names(whole: bytes) -> Iterator[str]:
    at = whole.find(_ALTERNATIVE_NAMES)
    if at < 0:
        return
    parts = _parts(whole[at + len(_ALTERNATIVE_NAMES) :])
    octets = next((part for tag, part in parts if tag == _OCTETS), b"")
    for tag, name in _parts(next(_parts(octets), (0, b""))[1]):
        if tag == _DNS_NAME:
            yield name.decode("ascii", errors="replace")
