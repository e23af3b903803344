# SPDX-License-Identifier: Apache-2.0
"""The way to the centre's door: the proxy, a connection, and whether large packets pass as well."""

from __future__ import annotations

import fcntl
import ssl
import struct
import time
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Outcome, Who
from ektp_hw.diagnostics.probes.network.packets import Attempt, at_once, trace, try_tcp
from ektp_hw.diagnostics.probes.network.quality import is_lossy
from ektp_hw.diagnostics.probes.network.speaking import (
    Place,
    ProxyRefused,
    addresses_of,
    centre_of,
    line_to,
    open_tls,
    proxy_of,
)
from ektp_hw.diagnostics.probes.saying import broken, sound, untested

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Finding, Value
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["look_at_centre", "look_at_mtu", "look_at_proxy"]

_TIOCOUTQ = 0x5411
"""Bytes of a connection that its other end has not confirmed (tcp(7))."""
_SMALL = 500
_CENTRAL = (Cause.CENTRAL_SERVICE, Who.CENTRE)
_OURS = (Cause.LOCAL_NETWORK, Who.TECHNICIAN)


def look_at_proxy(  # noqa: PLR0911  # one answer each
    around: Surroundings,
    before: Sequence[Finding],  # noqa: ARG001
) -> list[Finding]:
    """Look whether the proxy is there and lets us through."""
    name, proxy, centre = "network.proxy", proxy_of(around), centre_of(around)
    if proxy is None:
        return [sound(name, "network.no_proxy")]
    where = f"{proxy.host}:{proxy.port}"
    addresses = addresses_of(around, proxy.host)
    if not addresses:
        return [broken(name, "network.proxy_unknown", *_OURS, 0.8, proxy=where)]
    attempt = try_tcp(addresses[0], proxy.port, 4.0)
    evidence = {"tcp": attempt.state}
    if attempt.state != "open":
        return [broken(name, "network.proxy_dead", *_OURS, 0.85, evidence, proxy=where)]
    if centre is None:
        return [sound(name, "network.proxy_there", evidence, proxy=where)]
    try:
        line_to(around, centre, 8.0).close()
    except ProxyRefused as error:
        if error.status in {502, 503, 504}:  # it tried, and who is beyond it failed
            return [sound(name, "network.proxy_there", {"status": error.status}, 0.7, proxy=where)]
        return [broken(name, "network.proxy_refuses", *_OURS, 0.85, {"status": error.status},
                       proxy=where, status=error.status)]  # fmt: skip
    except OSError as error:
        return [broken(name, "network.proxy_dead", *_OURS, 0.7, {"error": type(error).__name__},
                       proxy=where)]  # fmt: skip
    return [sound(name, "network.proxy_there", evidence, proxy=where)]


def look_at_centre(  # noqa: PLR0911  # one answer each
    around: Surroundings, before: Sequence[Finding]
) -> list[Finding]:
    """Knock at the centre's door; if it stays shut, see who else behind the provider answers."""
    name, place = "network.centre", centre_of(around)
    if place is None:
        return [untested(name, "network.no_centre")]
    values: dict[str, Value] = {"host": place.host, "port": place.port}
    if proxy_of(around):
        return [_through_proxy(around, place)]
    addresses = addresses_of(around, place.host)
    if not addresses:
        return [untested(name, "network.centre_without_address", host=place.host)]
    # Three at once, so that a line that only loses packets is not taken for a silent centre.
    tries = at_once(lambda address: try_tcp(address, place.port, 5.0), addresses * 3)
    attempts = [min(tries[index :: len(addresses)], key=_worth) for index in range(len(addresses))]
    evidence: dict[str, str | int | float | bool | None] = {
        f"address_state:{address}": attempt.state
        for address, attempt in zip(addresses, attempts, strict=True)
    }
    states = {attempt.state for attempt in attempts}
    if "open" in states:
        evidence["milliseconds"] = round(min(each.seconds for each in attempts) * 1000, 1)
        return [sound(name, "network.centre_open", evidence, **values)]
    others = _others_answer(before)
    evidence["other_hosts_answer"] = others
    if "refused" in states:
        sure = 0.85 if others else 0.75
        return [broken(name, "network.centre_refuses", *_CENTRAL, sure, evidence, **values)]
    hops = trace(addresses[0])
    evidence["way"] = "; ".join(f"{hop.distance}: {hop.address}" for hop in hops)
    if others or any(hop.address in addresses for hop in hops):
        return [broken(name, "network.centre_silent", *_CENTRAL, 0.8, evidence, **values)]
    return [broken(name, "network.centre_or_provider", *_CENTRAL, 0.5, evidence, **values)]


def _worth(attempt: Attempt) -> tuple[bool, bool, float]:
    return attempt.state != "open", not attempt.is_answered, attempt.seconds


def _through_proxy(around: Surroundings, place: Place) -> Finding:
    values: dict[str, Value] = {"host": place.host, "port": place.port}
    try:
        line_to(around, place, 8.0).close()
    except ProxyRefused as error:
        return broken("network.centre", "network.centre_beyond_proxy", *_CENTRAL, 0.6,
                      {"status": error.status}, **values, status=error.status)  # fmt: skip
    except OSError as error:
        return untested("network.centre", "network.centre_without_address",
                        {"error": type(error).__name__}, host=place.host)  # fmt: skip
    return sound("network.centre", "network.centre_open", {"proxy": True}, **values)


def _others_answer(before: Sequence[Finding]) -> bool:
    return any(
        each.probe == "network.provider"
        and each.outcome is Outcome.SOUND
        and bool(each.evidence.get("reference_hosts_answering"))
        for each in before
    )


def look_at_mtu(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
    """Look whether large packets pass where small ones do, both ways, by a TLS handshake."""
    name, place = "network.mtu", centre_of(around)
    if place is None:
        return [untested(name, "network.no_centre")]
    if is_lossy(before):  # large packets are lost there as well as small ones
        return [untested(name, "network.lost_on_the_way")]
    first = _passes(around, place, None)
    if first is None:
        return [untested(name, "network.no_line")]
    if first or any(at_once(lambda _: _passes(around, place, None), range(4))):
        return [sound(name, "network.large_packets_pass")]
    if sum(map(bool, at_once(lambda _: _passes(around, place, _SMALL), range(3)))) >= 2:
        evidence = {"ordinary_packets": "lost", f"packets_of_bytes:{_SMALL}": "pass"}
        return [broken(name, "network.large_packets_vanish", Cause.PROVIDER, Who.TECHNICIAN, 0.75,
                       evidence)]  # fmt: skip
    return [untested(name, "network.no_line", {"small_packets": "lost"})]


def _passes(around: Surroundings, place: Place, segment: int | None) -> bool | None:
    """Whether a TLS handshake comes in and 3000 bytes go out; None if there is no line at all."""
    try:
        line: socket.socket = line_to(around, place, 4.0, segment=segment)
    except OSError:
        return None
    try:
        if place.is_secure:
            line = open_tls(line, place.host)
        padding = "x" * 3000
        line.sendall(f"GET / HTTP/1.1\r\nHost: {place.host}\r\nX-Padding: {padding}\r\n"
                     "Connection: close\r\n\r\n".encode())  # fmt: skip
        return _is_confirmed(line)
    except (ssl.SSLError, ConnectionError):
        return True  # it talks, if not TLS: packets do come
    except OSError:
        return False
    finally:
        line.close()


def _is_confirmed(line: socket.socket, timeout: float = 3.0) -> bool:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        left = struct.unpack("i", fcntl.ioctl(line, _TIOCOUTQ, b"\0" * 4))[0]
        if left == 0:
            return True
        time.sleep(0.02)
    return False
