# SPDX-License-Identifier: Apache-2.0
"""How a device is called in the journal: by what it is and where it is plugged in, never by serial.

Only addresses of known shapes are kept as they are; whatever else an address holds, a serial number
or the name that somebody gave a reader, becomes a short keyed hash.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.journal.place import beside, put, refused

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DeviceMarks"]

_PLAIN = re.compile(
    r"usb:[0-9a-f]{4}:[0-9a-f]{4}(@\d{1,3}(-\d{1,3}(\.\d{1,3}){0,6})?)?|usb@\d{1,3}-\d{1,3}"
    r"(\.\d{1,3}){0,6}|video:/dev/video\d{1,3}|serial:/dev/tty(S|USB|ACM|AMA)\d{1,3}"
    r"|virtual:(fingerprint|iris|signature|card)"
)
_NAMED = {"fingerprint", "iris", "signature", "card", "camera"}


class DeviceMarks:
    """Makes the marks of one journal; its salt never leaves the station.

    Raises
    ------
    StationError
        If the salt can be neither read nor made.
    """

    def __init__(self, journal: Path) -> None:
        path = beside(journal, "salt")
        try:
            if not path.exists():
                put(path, secrets.token_bytes(32), mode=0o600)
            self._salt = path.read_bytes()
        except OSError as error:
            raise refused(path, error) from error

    def of(self, uri: str) -> str:
        """Return what the journal calls a device; empty for the station as a whole."""
        if not uri or uri in _NAMED or _PLAIN.fullmatch(uri):
            return uri
        address, _, _ = uri.partition("?")
        if _PLAIN.fullmatch(address):
            return f"{address}#{self.hashed(uri)}"
        scheme = uri.partition(":")[0]
        kept = scheme if re.fullmatch(r"[a-z]{1,10}", scheme) else "device"
        return f"{kept}:#{self.hashed(uri)}"

    def hashed(self, text: str) -> str:
        """Return a short mark that is the same for the same text in this journal only."""
        return hmac.new(self._salt, text.encode(), sha256).hexdigest()[:8]
