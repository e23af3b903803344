# SPDX-License-Identifier: Apache-2.0
"""Transcripts without biometrics: payloads replaced by their length and hash, on any bus.

Among a line's arguments (``with``) and as what came back (``gives``) a payload is a text, and
everything else is a number, a truth value or nothing; so this needs to know no bus. A replaced
payload is an object: ``bytes`` (how many), ``sha256``, and where the driver's
`ektp_hw.devices.redaction` keeps some, ``head`` and ``tail``.

A picture may come in pieces, each short enough to be kept. So pieces that follow one another are
judged together, and of all short answers together only so many bytes are kept as hold no finger.

The hash of a short payload would tell it: a pen's position can be guessed a million times a
second. Under 256 bytes it is keyed by a secret of this recording that is thrown away (``keyed``
instead of ``sha256``): equal payloads stay equal within a transcript and say nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Hidden",
    "Redactor",
    "RuleLike",
    "RulesLike",
    "pack",
    "payload_of",
    "unpack",
]

_READ, _ASK = "read", "control_in"
_WORTH_DEFLATING = 64
_UNGUESSABLE = 256
_PIECES = 4
"""A row of answers may together have so many times the bytes of one that is kept."""
_KEPT_BYTES = 4096
"""Bytes of different short answers that are kept of one recording."""
_REQUEST_TYPE = 0x60
"""Bits of USB's bmRequestType; 0 is a standard request, which only ever describes the device."""


class RuleLike(Protocol):
    """`ektp_hw.devices.redaction.Rule`, which this room may not import."""

    @property
    def longest(self) -> int:
        """Bytes of the longest payload that is kept."""

    @property
    def head(self) -> bytes:
        """Mask of the bits kept at the start."""

    @property
    def tail(self) -> int:
        """Bytes kept at the end."""


class RulesLike(Protocol):
    """`ektp_hw.devices.redaction.Redaction`."""

    @property
    def read(self) -> RuleLike:
        """For what the device sends by itself."""

    @property
    def asked(self) -> RuleLike:
        """For answers to requests."""

    @property
    def sent(self) -> RuleLike:
        """For what the device is sent."""


@dataclass(frozen=True)
class Hidden:
    """A payload of which the transcript tells only this."""

    call: str
    """The call that brought it: ``read``, ``control_in``, ``frame``."""
    length: int
    mark: str
    """Its hash; equal ones had equal payloads."""
    head: bytes = b""
    tail: bytes = b""
    is_keyed: bool = False

    def matches(self, payload: bytes) -> bool:
        """Whether that payload may be the one: by its hash, or where that is keyed by its length.

        A keyed one is also compared by what was kept of it, with the bits that were not kept 0.
        """
        if len(payload) != self.length:
            return False
        if self.is_keyed:
            return payload.endswith(self.tail) and all(
                kept & have == kept for kept, have in zip(self.head, payload, strict=False)
            )
        return hashlib.sha256(payload).hexdigest() == self.mark

    def filled(self, fill: Callable[[Hidden], bytes] | None) -> bytes:
        """Return a payload of the same length with the same head and tail.

        Parameters
        ----------
        fill
            Gives a whole payload, of which the bytes in between are taken; None for zeros.
        """
        filling = bytes(self.length) if fill is None else fill(self)
        inner = filling[len(self.head) : self.length - len(self.tail)]
        room = self.length - len(self.head) - len(self.tail)
        return self.head + inner.ljust(room, b"\0") + self.tail


class Redactor:
    """The lines of one recording; a payload that must not be kept is gone once it is added."""

    def __init__(self, rules: RulesLike) -> None:
        self.lines: list[str] = []
        self._rules = rules
        self._key = os.urandom(32)
        self._row: dict[int, dict[str, Any]] = {}
        self._pieces: dict[str, int] = {}
        self._kept: dict[str, int] = {}

    def add(self, line: dict[str, Any]) -> None:
        """Add a line with ``call``, ``with`` (its arguments), perhaps ``gives`` or ``fails``."""
        self.lines.append("")
        place = len(self.lines) - 1
        is_kept = self._put(place, line)
        if line["call"] != _READ:
            self._row.clear()
            self._pieces.clear()
        if not is_kept:
            return
        payload = line["gives"]
        self._kept.setdefault(payload, len(unpack(payload)))
        if line["call"] == _READ:
            self._row[place] = line
            self._pieces[payload] = self._kept[payload]
            if sum(self._pieces.values()) > _PIECES * self._rules.read.longest:
                self._hide_row()
        if sum(self._kept.values()) > _KEPT_BYTES:
            self._put(place, line, longest=0)

    def _hide_row(self) -> None:
        """Hide the pieces so far; those that follow are too many with them."""
        for place, line in self._row.items():
            self._put(place, line, longest=0)
            self._kept.pop(line["gives"], None)
        self._row.clear()

    def _put(self, place: int, line: dict[str, Any], longest: int | None = None) -> bool:
        """Write a line; tell whether it holds a whole answer that is no description."""
        sent = [_hidden(one, self._rules.sent, self._key) for one in line["with"]]
        written = line | {"with": sent}
        answer = line.get("gives", "")
        is_description = line["call"] == _ASK and not line["with"][0] & _REQUEST_TYPE
        if answer and not is_description:
            rule = self._rules.asked if line["call"] == _ASK else self._rules.read
            written["gives"] = _hidden(answer, rule, self._key, longest)
        self.lines[place] = json.dumps(written)
        return bool(answer) and not is_description and written["gives"] == answer


def payload_of(call: str, noted: str | dict[str, Any]) -> bytes | Hidden:
    """Read what stands for a payload in a transcript."""
    if isinstance(noted, str):
        return unpack(noted)
    return Hidden(
        call,
        noted["bytes"],
        noted.get("sha256") or noted["keyed"],
        unpack(noted.get("head", "")),
        unpack(noted.get("tail", "")),
        "keyed" in noted,
    )


def pack(data: bytes) -> str:
    """Return bytes as text: base64, deflated where that is shorter."""
    plain = bytes(data)
    if len(plain) >= _WORTH_DEFLATING and len(tight := zlib.compress(plain, 9)) < len(plain):
        return "z:" + base64.b64encode(tight).decode("ascii")
    return base64.b64encode(plain).decode("ascii")


def unpack(text: str) -> bytes:
    """Return the bytes of a text made by `pack`."""
    if text.startswith("z:"):
        return zlib.decompress(base64.b64decode(text[2:]))
    return base64.b64decode(text)


def _hidden(noted: object, rule: RuleLike, key: bytes, longest: int | None = None) -> object:
    """Return what stands in a transcript for a payload; numbers stay as they are."""
    if not isinstance(noted, str):
        return noted
    payload = unpack(noted)
    if len(payload) <= (rule.longest if longest is None else longest):
        return noted
    if len(payload) >= _UNGUESSABLE:
        mark = {"sha256": hashlib.sha256(payload).hexdigest()}
    else:
        mark = {"keyed": hmac.new(key, payload, "sha256").hexdigest()}
    head = bytes(mask & byte for mask, byte in zip(rule.head, payload, strict=False))
    tail = payload[max(len(head), len(payload) - rule.tail) :] if rule.tail else b""
    kept = {name: pack(part) for name, part in (("head", head), ("tail", tail)) if part}
    return {"bytes": len(payload), **mark, **kept}
