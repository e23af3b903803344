# SPDX-License-Identifier: Apache-2.0
"""Names: whether each name server answers, rightly, and the system finds the centre.

A name in ``.invalid`` cannot exist (RFC 6761): a server that has an address for one makes answers
up, and if it is the address that it gives for the centre, it lies about the centre.
"""

from __future__ import annotations

import re
import socket
import threading
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Outcome, Who
from ektp_hw.diagnostics.probes.network.packets import at_once, resolve_name
from ektp_hw.diagnostics.probes.network.speaking import centre_of, place_of
from ektp_hw.diagnostics.probes.network.tables import is_at_home, is_private, name_servers
from ektp_hw.diagnostics.probes.saying import broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.reply import Readings
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["look_at_names"]

_CANNOT_EXIST = "ektp-hw-doctor.invalid"
_RANK = ("failing", "unknown", "refused", "silent")


def look_at_names(  # noqa: PLR0911  # one answer each
    around: Surroundings, before: Sequence[Finding]
) -> list[Finding]:
    """Ask every name server for the centre, and for what cannot exist."""
    name, place, servers = "network.dns", centre_of(around), name_servers(around)
    if place is None or re.fullmatch(r"[\d.]+", place.host):
        return [untested(name, "network.no_name_needed")]
    if re.search(rf"(?m)^[^#\n]*\s{re.escape(place.host)}(\s|$)", around.read("/etc/hosts") or ""):
        return [sound(name, "network.name_in_hosts", host=place.host)]
    if not servers:
        return [broken(name, "network.no_name_server", Cause.LOCAL_NETWORK, Who.TECHNICIAN, 0.85)]
    system = _SystemResolver(place.host)
    told = at_once(
        lambda asked: resolve_name(*asked),
        [(server, host) for host in (place.host, _CANNOT_EXIST) for server in servers],
    )
    answers, made_up = told[: len(servers)], told[len(servers) :]
    if all(state == "silent" for state, _ in answers) and _answered_before(before):
        # They answered a moment ago: packets are lost, or it fails now and then. Once more.
        answers = at_once(lambda server: resolve_name(server, place.host, 4.0), servers)
    evidence = _told_by(servers, answers)
    at_home = is_at_home(around, servers[0]) or is_private(servers[0])
    cause, who = ((Cause.LOCAL_NETWORK, Who.TECHNICIAN) if at_home
                  else (Cause.PROVIDER, Who.PROVIDER))  # fmt: skip
    found = [addresses for state, addresses in answers if state == "found"]
    invented = {address for _, addresses in made_up for address in addresses}
    if invented:
        evidence["made_up_address"] = ", ".join(sorted(invented))
    if found and all(invented & set(addresses) for addresses in found):
        return [broken(name, "network.names_lie", cause, who, 0.85, evidence, host=place.host)]
    if not found:
        return [_without_answer(around, before, answers, made_up, evidence, place.host, at_home)]
    if system.finds() is False:
        return [suspect(name, "network.system_finds_nothing", Cause.COMPUTER, Who.TECHNICIAN, 0.6,
                        evidence, host=place.host)]  # fmt: skip
    if len(found) < len(servers) or invented:
        return [suspect(name, "network.some_names_fail", cause, who, 0.7, evidence)]
    return [sound(name, "network.name_found", evidence, host=place.host)]


def _told_by(servers: Sequence[str], answers: Sequence[tuple[str, list[str]]]) -> Readings:
    told: Readings = {}
    for server, (state, addresses) in zip(servers, answers, strict=True):
        told[f"name_server:{server}"] = state
        if addresses:
            told[f"name_server_says:{server}"] = " ".join(addresses)
    return told


def _without_answer(
    around: Surroundings,
    before: Sequence[Finding],
    answers: Sequence[tuple[str, list[str]]],
    made_up: Sequence[tuple[str, list[str]]],
    evidence: Readings,
    host: str,
    at_home: bool,
) -> Finding:
    name = "network.dns"
    cause, who = (Cause.PROVIDER, Who.PROVIDER)
    if at_home:
        cause, who = (Cause.LOCAL_NETWORK, Who.TECHNICIAN)
    states = {state for state, _ in answers}
    worst = next(state for state in _RANK if state in states)
    if worst in {"silent", "refused"}:
        works = any(each.probe == "network.provider" and each.outcome is Outcome.SOUND
                    and each.certainty > 0.6 for each in before)  # fmt: skip
        sure = 0.8 if works else 0.65
        return broken(name, f"network.names_{worst}", cause, who, sure, evidence, host=host)
    if worst == "failing":
        # A server that knows that a name cannot exist has reached the root of all names.
        if "unknown" in {state for state, _ in made_up}:
            return broken(name, "network.name_failing", Cause.CENTRAL_SERVICE, Who.CENTRE, 0.65,
                          evidence, host=host)  # fmt: skip
        return broken(name, "network.names_failing", cause, who, 0.75, evidence, host=host)
    others = _others_found(around)
    evidence["reference_names_found"] = others
    sure = 0.65 if others else 0.5
    return broken(name, "network.name_unknown", Cause.CENTRAL_SERVICE, Who.CENTRE, sure, evidence,
                  host=host)  # fmt: skip


def _answered_before(before: Sequence[Finding]) -> bool:
    return any(each.evidence.get("name_servers_answering") for each in before)


def _others_found(around: Surroundings) -> bool:
    """Whether the name of any reference host is found: then it is not all names that fail."""
    places = [place_of(text) for text in around.profile.reference_hosts]
    names = [place.host for place in places if place and not re.fullmatch(r"[\d.]+", place.host)]
    servers = name_servers(around)
    return any(resolve_name(servers[0], host)[0] == "found" for host in names[:2])


class _SystemResolver:
    """Asks the system's own resolver for a name, beside whatever else is asked.

    It says soon that it finds nothing. One that is late has lost a packet, and says the same as one
    that finds the name: nothing against the system.
    """

    def __init__(self, host: str) -> None:
        self._found: list[bool] = []
        self._thread = threading.Thread(
            target=self._find, args=(host,), name="ektp_hw resolver", daemon=True
        )
        self._thread.start()

    def _find(self, host: str) -> None:
        try:
            socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
        except OSError:
            self._found.append(False)
        else:
            self._found.append(True)

    def finds(self, timeout: float = 1.5) -> bool | None:
        """Return whether it finds the name; None if it takes too long to say."""
        self._thread.join(timeout)
        return self._found[0] if self._found else None
