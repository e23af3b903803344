# SPDX-License-Identifier: Apache-2.0
"""How good the line is: round trip, loss, and what it carries.

Lost packets are counted by connections, which need no root: one that comes about only when the
kernel has repeated its first packet (after 1 s, RFC 6298) lost a packet on its way out or back.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.packets import Attempt, at_once, try_tcp
from ektp_hw.diagnostics.probes.network.speaking import (
    addresses_of,
    ask,
    centre_of,
    place_of,
    proxy_of,
)
from ektp_hw.diagnostics.probes.network.tables import default_route
from ektp_hw.diagnostics.probes.saying import broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Evidence, Finding
    from ektp_hw.diagnostics.reply import Readings
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["is_lossy", "look_at_quality", "look_at_throughput"]

_CONNECTIONS = 32
_APART = 0.04
_REPEATED = 0.9
_PATIENCE, _SHORT_PATIENCE = 3.5, 1.3
"""Seconds for a connection; where answers come soon, one that has not come by the shorter was
repeated, and nothing more is learnt by waiting for it."""
_SOON_MS = 300.0
_BAD_LOSS, _WORST_LOSS = 0.1, 0.6
_SLOW_TRIP = 0.75
"""Seconds; a satellite takes about 0.6 and is no fault."""
_LARGEST = 256 * 1024
_SLOW_BITS = 128_000.0


def look_at_quality(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
    """Open many connections, and see how many had to be repeated."""
    name, centre = "network.quality", centre_of(around)
    place = proxy_of(around) or centre
    addresses = addresses_of(around, place.host) if place else []
    if place is None or not addresses:
        return [untested(name, "network.no_line" if place else "network.no_centre")]
    patience = _SHORT_PATIENCE if _answers_soon(before) else _PATIENCE
    attempts = _connections(addresses[0], place.port, patience)
    answered = [each for each in attempts if each.is_answered]
    if not answered:
        return [untested(name, "network.no_line")]
    loss = _loss(attempts)
    trip = statistics.median(each.seconds for each in answered)
    evidence: dict[str, str | int | float | bool | None] = {
        "connections": len(attempts),
        "repeated_or_lost": round(loss * len(attempts)),
        "milliseconds": round(trip * 1000, 1),
    }
    if loss >= _BAD_LOSS and trip < _REPEATED:
        return [_where_lost(around, loss, patience, evidence)]
    if trip > _SLOW_TRIP:
        return [suspect(name, "network.long_trip", Cause.PROVIDER, Who.PROVIDER, 0.6, evidence,
                        milliseconds=round(trip * 1000))]  # fmt: skip
    return [sound(name, "network.good_line", evidence, milliseconds=round(trip * 1000))]


def is_lossy(before: Sequence[Finding]) -> bool:
    """Whether the line loses packets: then a silence above it says nothing about the centre."""
    return any(each.seen.key == "network.packets_lost" for each in before)


def _answers_soon(before: Sequence[Finding]) -> bool:
    trips = [each.evidence.get("milliseconds") for each in before if each.probe == "network.centre"]
    return any(isinstance(trip, float) and trip < _SOON_MS for trip in trips)


def _connections(address: str, port: int, patience: float) -> list[Attempt]:
    def open_one(index: int) -> Attempt:
        time.sleep(index * _APART)
        return try_tcp(address, port, patience)

    return at_once(open_one, range(_CONNECTIONS))


def _loss(attempts: Sequence[Attempt]) -> float:
    late = sum(not each.is_answered or each.seconds > _REPEATED for each in attempts)
    return late / len(attempts)


def _where_lost(around: Surroundings, loss: float, patience: float, evidence: Readings) -> Finding:
    """Say whose packets are lost: to the gateway, to other hosts as well, or to the centre only."""
    cause, who, sure = Cause.PROVIDER, Who.PROVIDER, 0.65
    near, other = at_once(
        lambda place: _connections(*place, patience) if place else [],
        [_gateway(around), _other_host(around)],
    )
    if any(each.is_answered for each in near):
        evidence["lost_to_gateway"] = round(_loss(near) * len(near))
        if _loss(near) >= _BAD_LOSS:
            cause, who, sure = Cause.LOCAL_NETWORK, Who.TECHNICIAN, 0.8
    if other:
        evidence["lost_to_other_host"] = round(_loss(other) * len(other))
    if other and cause is Cause.PROVIDER:
        sure = 0.8
        if any(each.is_answered for each in other) and _loss(other) < _BAD_LOSS:
            cause, who, sure = Cause.CENTRAL_SERVICE, Who.CENTRE, 0.65
    percent = round(loss * 100)
    say = broken if loss >= _WORST_LOSS else suspect
    return say("network.quality", "network.packets_lost", cause, who, sure, evidence,
               percent=percent)  # fmt: skip


def _gateway(around: Surroundings) -> tuple[str, int] | None:
    way = default_route(around)
    return (str(way.gateway), 80) if way and way.gateway else None


def _other_host(around: Surroundings) -> tuple[str, int] | None:
    hosts = [place for text in around.profile.reference_hosts if (place := place_of(text))]
    there = addresses_of(around, hosts[0].host) if hosts else []
    return (there[0], hosts[0].port) if there else None


def look_at_throughput(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Fetch the page of the profile that is there to be measured, at most 256 KB."""
    name, place, path = "network.throughput", centre_of(around), around.profile.measure
    if place is None:
        return [untested(name, "network.no_centre")]
    if not path:
        return [untested(name, "network.no_measure_path")]
    try:
        reply = ask(around, place, path, timeout=12.0, limit=_LARGEST)
    except OSError as error:
        return [untested(name, "network.no_line", {"error": type(error).__name__})]
    if reply.status != 200 or reply.size < 32768:
        return [untested(name, "network.nothing_to_measure", {"status": reply.status,
                                                              "bytes": reply.size})]  # fmt: skip
    bits = reply.size * 8 / max(reply.seconds - reply.first, 1e-4)
    evidence: Evidence = {"bytes": reply.size, "seconds": round(reply.seconds, 2)}
    kilobits = round(bits / 1000)
    if bits < _SLOW_BITS:
        return [suspect(name, "network.slow_line", Cause.PROVIDER, Who.PROVIDER, 0.6, evidence,
                        kilobits=kilobits)]  # fmt: skip
    return [sound(name, "network.fast_enough", evidence, kilobits=kilobits)]
