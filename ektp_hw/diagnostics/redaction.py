# SPDX-License-Identifier: Apache-2.0
"""What must never leave a station, taken out of texts: identity numbers, names, secrets, serials.

The rule is to take out too much rather than too little. A serial number, a hardware address or a
long token becomes a short hash under a key that is thrown away, so that the same device can be
recognised within one report and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Redactor", "redactor_for"]

_SECRET = re.compile(
    r"(?i)\b((?:[\w-]*(?:token|secret|passw(?:or)?d|passwd|api[_-]?key|authorization|cookie)[\w-]*)"
    r"|bearer|sandi)(\"?\s*[:=]\s*\"?|\s+)(?:(?:bearer|basic)\s+)?[^\s\"',;]+"
)
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SERIAL = re.compile(r"(?i)\b(serial(?:\s?number|_short|nr|no)?\"?\s*[:=]\s*\"?)([^\s\"',;]+)")
_HARDWARE_ADDRESS = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b")
_IDENTITY_NUMBER = re.compile(
    r"\d{9,}"
    r"|(?<!\d)\d{2}[ .-]?\d{2}[ .-]?\d{2}[ .-]?\d{6}[ .-]?\d{4}(?!\d)"
    r"|(?<!\d)\d{4}[ .-]\d{4}[ .-]\d{4}[ .-]\d{4}(?!\d)"
    r"|(?<!\d)(?:\+62|0)[ -]?8\d{1,2}(?:[ -]?\d{3,4}){2,3}(?!\d)"
)
"""NIK and family-card numbers, in groups or not, and telephone numbers."""
_HOME = re.compile(r"(/home/|/Users/|/media/|/run/media/|/run/user/)[^/\s\"':,;]+")
_SUFFIX = (
    r"\.(?i:png|jpe?g|jp2|tiff?|bmp|wsq|pgm|fir|iir|fmr|an2|eft|nist|pdf|docx?|xlsx?|csv|zip|enc|rec)"
    r"(?![\w])"
)
_RECORD = re.compile(rf"(?<=[\"'])[^\"'\n]*{_SUFFIX}|(?:[A-Z][\w.-]*[ ])*[^\s\"'=/:,;]*{_SUFFIX}")
"""Names of pictures and records, which stations name after people."""
_TOKEN = re.compile(r"(?<![\w+-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{28,}={0,2}(?![\w+-])")


class Redactor:
    """Takes personal things and secrets out of texts.

    Parameters
    ----------
    words
        Words that must not appear: user names, the machine's name, serial numbers.
    folders
        Folders whose contents must not be named: the records that wait.
    """

    def __init__(self, words: Iterable[str] = (), folders: Iterable[str] = ()) -> None:
        self._key = secrets.token_bytes(32)
        kept = sorted({word for word in words if len(word) > 2}, key=len, reverse=True)
        joined = "|".join(re.escape(word) for word in kept)
        whole = rf"(?i)(?<![^\W_])(?:{joined})(?![^\W_])"
        self._words = re.compile(whole) if kept else None
        roots = sorted({folder.rstrip("/") for folder in folders if folder.strip("/")})
        inside = "|".join(re.escape(root) for root in roots)
        self._inside = re.compile(rf"({inside})/[^\"',;\n]+") if roots else None

    def hashed(self, text: str) -> str:
        """Return a short mark that is the same for the same text within this report."""
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        return f"#{digest[:8]}"

    def text(self, text: str) -> str:
        """Return the text without what must not leave the station."""
        text = _CREDENTIALS.sub("***@", text)
        text = _SECRET.sub(lambda found: f"{found[1]}{found[2]}***", text)
        text = _SERIAL.sub(lambda found: found[1] + self.hashed(found[2]), text)
        text = _MAIL.sub("***", text)
        if self._inside is not None:
            text = self._inside.sub(r"\1/***", text)
        text = _HOME.sub(r"\1***", text)
        text = _RECORD.sub(_without_name, text)
        text = _HARDWARE_ADDRESS.sub(lambda found: self.hashed(found[0].lower()), text)
        text = _TOKEN.sub(lambda found: self.hashed(found[0]), text)
        text = _IDENTITY_NUMBER.sub("***", text)
        if self._words is not None:
            text = self._words.sub("***", text)
        return text

    def plain(self, value: object) -> object:
        """Return plain data (dicts, lists, texts, numbers) with every text in it redacted."""
        return _mapped(value, self.text)


def redactor_for(around: Surroundings) -> Redactor:
    """Return a redactor that knows this machine: its name, its users, its waiting records."""
    words = {(around.read("/etc/hostname") or "").partition(".")[0]}
    for line in (around.read("/etc/passwd") or "").splitlines():
        fields = line.split(":")
        if len(fields) > 4 and fields[2].isdigit() and 1000 <= int(fields[2]) < 60000:
            words |= {fields[0], fields[4].partition(",")[0], *fields[4].partition(",")[0].split()}
    words |= {around.environment.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER")}
    words.update(_serials(around))
    waiting = around.profile.waiting
    ordinary = {"root", "localhost", "debian", "ubuntu", "admin", "user", "station"}
    return Redactor(words - ordinary, [str(waiting)] if waiting is not None else [])


def _serials(around: Surroundings) -> list[str]:
    try:
        folders = list(around.path("/sys/bus/usb/devices").iterdir())
    except OSError:
        return []
    read = [around.read(f"/sys/bus/usb/devices/{folder.name}/serial") for folder in folders]
    return [serial for serial in read if serial and len(serial) > 4 and ":" not in serial]


def _without_name(found: re.Match[str]) -> str:
    return "***" + PurePosixPath(found[0]).suffix


def _mapped(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(each, change) for each in value]
    return value
