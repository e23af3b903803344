# SPDX-License-Identifier: Apache-2.0
"""IPv6: whether it leads to the centre, where it is all that there is, and where it only delays.

Programs that find an address of each kind for the centre try IPv6 first (RFC 6724); where it is
set and leads nowhere each of them waits for its time limit before it goes the other way.
"""

from __future__ import annotations

import errno
import socket
import threading
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.speaking import centre_of
from ektp_hw.diagnostics.probes.saying import sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.probes.network.speaking import Place
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["has_ipv6", "knock_by_ipv6", "look_at_ipv6"]

_GLOBAL = "00"
"""Scope of an address that is good beyond its own wire, in /proc/net/if_inet6 (proc(5))."""
_RESOLVER_S, _KNOCK_S = 4.0, 3.0
_NO_WAY = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def look_at_ipv6(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Knock at the centre by IPv6 as well, if the station has it."""
    name, place = "network.ipv6", centre_of(around)
    if place is None:
        return [untested(name, "network.no_centre")]
    if not has_ipv6(around):
        return [sound(name, "network.ipv6_unused")]
    state = knock_by_ipv6(place)
    evidence = {"ipv6": state}
    if state in {"silent", "unreachable"}:
        return [suspect(name, "network.ipv6_leads_nowhere", Cause.LOCAL_NETWORK, Who.TECHNICIAN,
                        0.7, evidence)]  # fmt: skip
    key = "ipv6_works" if state in {"open", "refused"} else "ipv6_unused"
    return [sound(name, f"network.{key}", evidence)]


def has_ipv6(around: Surroundings) -> bool:
    """Tell whether the station has an IPv6 address that is good beyond its own wire."""
    lines = (around.read("/proc/net/if_inet6") or "").splitlines()
    words = [line.split() for line in lines]
    return any(len(each) > 5 and each[3] == _GLOBAL and each[5] != "lo" for each in words)


def knock_by_ipv6(place: Place) -> str:
    """Return how a connection goes: ``open``, ``refused``, ``silent``, ``unreachable``, ``no way``.

    ``no address`` if the centre has none, or its name is not found in time.
    """
    address = _address_of(place)
    if address is None:
        return "no address"
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as line:
        line.settimeout(_KNOCK_S)
        try:
            line.connect((address, place.port))
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "refused"
        except OSError as error:
            return "no way" if error.errno in _NO_WAY else "unreachable"
    return "open"


def _address_of(place: Place) -> str | None:
    """Ask the system's own resolver, which also knows name servers that have IPv6 only."""
    found: list[str] = []

    def find() -> None:
        try:
            told = socket.getaddrinfo(place.host, place.port, socket.AF_INET6, socket.SOCK_STREAM)
        except OSError:
            return
        found.extend(str(address[0]) for *_, address in told)

    thread = threading.Thread(target=find, name="ektp_hw resolver", daemon=True)
    thread.start()
    thread.join(_RESOLVER_S)
    return found[0] if found else None
