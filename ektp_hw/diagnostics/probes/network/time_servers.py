# SPDX-License-Identifier: Apache-2.0
"""The time by the servers that the system itself is set to ask (NTP), and by no others.

A server is asked as RFC 4330 (SNTP) says; one that has no time itself counts for nothing.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import time
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.probes.network.packets import at_once
from ektp_hw.diagnostics.probes.network.speaking import addresses_of

if TYPE_CHECKING:
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["differences_by_ntp", "time_servers"]

_FILES = {
    "/etc/systemd/timesyncd.conf": r"(?m)^\s*(?:NTP|FallbackNTP)\s*=\s*(.+)$",
    "/etc/chrony/chrony.conf": r"(?m)^\s*(?:server|pool|peer)\s+(\S+)",
    "/etc/chrony.conf": r"(?m)^\s*(?:server|pool|peer)\s+(\S+)",
    "/etc/ntp.conf": r"(?m)^\s*(?:server|pool|peer)\s+(\S+)",
    "/etc/ntpsec/ntp.conf": r"(?m)^\s*(?:server|pool|peer)\s+(\S+)",
}
_MOST, _PATIENCE = 3, 2.0
_PORT = 123
_SINCE_1900 = 2_208_988_800
_CLIENT, _SERVER_MODE, _NO_LEAP = 0x23, 4, 3
_PACKET = struct.Struct("!BBbb11I")


def time_servers(around: Surroundings) -> list[str]:
    """Return the servers that timesyncd, chrony or ntpd of this machine are told to ask."""
    named = [
        host
        for file, pattern in _FILES.items()
        for line in re.findall(pattern, around.read(file) or "")
        for host in line.split()
    ]
    return list(dict.fromkeys(named))[:_MOST]


def differences_by_ntp(around: Surroundings) -> list[float]:
    """Return how many seconds our clock is behind each server that answers."""
    told = at_once(lambda host: _difference(around, host), time_servers(around))
    return [each for each in told if each is not None]


def _difference(around: Surroundings, host: str) -> float | None:
    addresses = addresses_of(around, host)
    if not addresses:
        return None
    mark = os.urandom(8)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(_PATIENCE)
        try:
            asked.connect((addresses[0], _PORT))
            sent = time.time()
            asked.send(bytes([_CLIENT]) + bytes(39) + mark)
            answer = asked.recv(512)
            come = time.time()
        except OSError:
            return None
    return _offset(answer, mark, sent, come)


def _offset(answer: bytes, mark: bytes, sent: float, come: float) -> float | None:
    """Return the seconds that the server is ahead; None if it is no answer to our question."""
    if len(answer) < _PACKET.size or answer[24:32] != mark:
        return None
    first, stratum, *_ = _PACKET.unpack_from(answer)
    if first & 7 != _SERVER_MODE or first >> 6 == _NO_LEAP or not 1 <= stratum <= 15:
        return None
    received, left = (_seconds(answer[at : at + 8]) for at in (32, 40))
    return ((received - sent) + (left - come)) / 2


def _seconds(stamp: bytes) -> float:
    whole, part = struct.unpack("!II", stamp)
    era = 2**32 if whole < 2**31 else 0  # from 2036 on the count begins anew
    return float(whole + era - _SINCE_1900 + part / 2**32)
