# SPDX-License-Identifier: Apache-2.0
"""The provider: what answers beyond our gateway, and where it stops.

What may be asked: the name servers that are set, the centre, and the reference hosts of the
profile. Only the last can show that the provider works while the centre is silent, or that it does
not while its own name server answers; without them the finding says less, and says so.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.packets import Hop, at_once, resolve_name, trace, try_tcp
from ektp_hw.diagnostics.probes.network.speaking import (
    Place,
    addresses_of,
    centre_of,
    place_of,
    proxy_of,
)
from ektp_hw.diagnostics.probes.network.tables import default_route, is_at_home, name_servers
from ektp_hw.diagnostics.probes.saying import broken, sound, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Evidence, Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["look_at_provider"]

_PROVIDER = (Cause.PROVIDER, Who.PROVIDER)


@dataclass(frozen=True)
class _Answers:
    """Who answered; a kind of whom nobody was asked is None."""

    references: int | None
    servers: int | None
    centre: bool | None
    hops: tuple[Hop, ...]
    gives_up: bool
    """Whether our own gateway said that it has no way on."""


def look_at_provider(  # noqa: PLR0911  # one answer each
    around: Surroundings,
    before: Sequence[Finding],  # noqa: ARG001
) -> list[Finding]:
    """Ask all that may be asked, side by side, and see how far it goes."""
    name = "network.provider"
    answers = _ask_all(around)
    if answers is None:
        return [untested(name, "network.nothing_to_ask")]
    evidence: Evidence = {
        "reference_hosts_answering": answers.references,
        "name_servers_answering": answers.servers,
        "centre_answers": answers.centre,
        "way": "; ".join(f"{hop.distance}: {hop.address}" for hop in answers.hops),
        "gateway_without_way": answers.gives_up,
    }
    if answers.references or answers.centre:
        return [sound(name, "network.provider_works", evidence)]
    furthest = answers.hops[-1] if answers.hops else None
    if answers.references == 0:
        if furthest or answers.servers:
            where = furthest.address if furthest else "-"
            return [broken(name, "network.provider_stops", *_PROVIDER, 0.75, evidence, where=where)]
        return [broken(name, "network.line_cut", *_PROVIDER, 0.8, evidence)]
    if not furthest and not answers.servers:
        if proxy_of(around):  # an office that lets nothing but its proxy out
            return [untested(name, "network.only_proxy", evidence)]
        return [broken(name, "network.line_cut", *_PROVIDER, 0.7, evidence)]
    return [sound(name, "network.provider_perhaps", evidence, 0.5)]


def _ask_all(around: Surroundings) -> _Answers | None:
    way = default_route(around)
    centre = centre_of(around)
    hosts = [place for text in around.profile.reference_hosts if (place := place_of(text))]
    servers = [each for each in name_servers(around) if not is_at_home(around, each)]
    where = addresses_of(around, centre.host) if centre else []
    by_name = [partial(_is_there, around, place) for place in hosts]
    by_server = [partial(_answers_at_all, each) for each in servers]
    at_centre = [partial(_opens, where[0], centre.port)] if centre and where else []
    there = [address for place in hosts for address in addresses_of(around, place.host)]
    targets = where or servers or there
    if not targets:
        return None
    with ThreadPoolExecutor(1) as pool:
        way_there = pool.submit(trace, targets[0])
        told = at_once(lambda ask: ask(), [*by_name, *by_server, *at_centre])
        hops = way_there.result()
    count = len(hosts) + len(servers)
    gateway = str(way.gateway) if way and way.gateway else ""
    beyond = [hop for hop in hops if hop.address != gateway and not _is_ours(around, hop.address)]
    return _Answers(
        sum(told[: len(hosts)]) if hosts else None,
        sum(told[len(hosts) : count]) if servers else None,
        told[count] if at_centre else None,
        tuple(beyond),
        any(hop.is_unreachable and hop.address == gateway for hop in hops),
    )


def _is_ours(around: Surroundings, address: str) -> bool:
    return is_at_home(around, address) or IPv4Address(address).is_loopback


def _is_there(around: Surroundings, place: Place) -> bool:
    addresses = addresses_of(around, place.host)
    return bool(addresses) and _opens(addresses[0], place.port)


def _opens(address: str, port: int) -> bool:
    """Whether one of two connections is answered: on a bad line one alone may be lost."""
    attempts = at_once(lambda _: try_tcp(address, port, 3.0), range(2))
    return any(attempt.is_answered for attempt in attempts)


def _answers_at_all(server: str) -> bool:
    return resolve_name(server, "test.invalid")[0] != "silent"
