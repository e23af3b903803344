# SPDX-License-Identifier: Apache-2.0
"""Our line: the cable or radio, the address, the way to the gateway."""

from __future__ import annotations

import socket
import time
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.ipv6 import has_ipv6, knock_by_ipv6
from ektp_hw.diagnostics.probes.network.packets import at_once, resolve_name, trace, try_tcp
from ektp_hw.diagnostics.probes.network.speaking import centre_of, proxy_of
from ektp_hw.diagnostics.probes.network.tables import (
    default_route,
    interfaces,
    is_at_home,
    name_servers,
    neighbour,
    own_addresses,
)
from ektp_hw.diagnostics.probes.saying import broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.probes.network.tables import Interface
    from ektp_hw.diagnostics.reply import Readings
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["look_at_address", "look_at_gateway", "look_at_link"]

_LINK_LOCAL = IPv4Network("169.254.0.0/16")
_WEAK_DBM = -78
_CHANGES_A_DAY = 24
_ARP_GIVES_UP = 9.0
"""Seconds until the kernel stops believing a neighbour that has gone: 5 s delay and 3 probes."""
_OURS = Cause.LOCAL_NETWORK


def look_at_link(  # noqa: PLR0911  # one answer each
    around: Surroundings,
    before: Sequence[Finding],  # noqa: ARG001
) -> list[Finding]:
    """Look for an interface that is on and feels its other end."""
    name, all_ = "network.link", interfaces(around)
    evidence = {key: value for each in all_ for key, value in _readings(each).items()}
    if not all_:
        return [broken(name, "network.no_interface", _OURS, Who.TECHNICIAN, 0.8)]
    live = [each for each in all_ if each.has_carrier]
    if not live:
        if any(each.is_up for each in all_):
            return [broken(name, "network.cable_out", _OURS, Who.CLERK, 0.9, evidence)]
        return [broken(name, "network.switched_off", _OURS, Who.CLERK, 0.85, evidence)]
    way = default_route(around)
    used = next((each for each in live if way and each.name == way.device), live[0])
    if used.signal is not None and used.signal < _WEAK_DBM:
        return [suspect(name, "network.radio_weak", _OURS, Who.TECHNICIAN, 0.8, evidence,
                        signal=used.signal)]  # fmt: skip
    up = float((around.read("/proc/uptime") or "0").split()[0])
    if used.changes > 10 and used.changes > _CHANGES_A_DAY * up / 86400:
        return [suspect(name, "network.link_flaps", _OURS, Who.TECHNICIAN, 0.7, evidence,
                        times=used.changes // 2)]  # fmt: skip
    if used.duplex == "half":
        return [suspect(name, "network.half_duplex", _OURS, Who.TECHNICIAN, 0.7, evidence)]
    return [sound(name, "network.link_up", evidence, interface=used.name)]


def _readings(each: Interface) -> Readings:
    state = "carrier" if each.has_carrier else "no carrier" if each.is_up else "off"
    counted = {f"link_{key}": count or None for key, count in each.counters.items()}
    told = {
        "link": state,
        "link_megabits": each.speed,
        "link_duplex": each.duplex or None,
        "link_dbm": each.signal,
        "link_changes": each.changes,
        **counted,
    }
    return {f"{key}:{each.name}": value for key, value in told.items() if value is not None}


def look_at_address(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Look for an address that is good for anything, from DHCP or a person."""
    name, addresses = "network.address", own_addresses(around)
    evidence = {"addresses": ", ".join(map(str, addresses))}
    if not addresses and has_ipv6(around):
        return [_only_v6(around)]
    if not addresses:
        return [broken(name, "network.no_address", _OURS, Who.TECHNICIAN, 0.9)]
    if all(address in _LINK_LOCAL for address in addresses):
        return [broken(name, "network.link_local", _OURS, Who.TECHNICIAN, 0.95, evidence)]
    return [sound(name, "network.has_address", evidence, address=str(addresses[0]))]


def _only_v6(around: Surroundings) -> Finding:
    """Say whether IPv6 alone leads to the centre; the layers above are asked by IPv4."""
    name, centre = "network.address", centre_of(around)
    state = knock_by_ipv6(centre) if centre is not None and proxy_of(around) is None else None
    if state in {None, "open", "refused"}:
        return untested(name, "network.only_v6", {"ipv6": state})
    return broken(name, "network.only_v6_no_way", _OURS, Who.TECHNICIAN, 0.7, {"ipv6": state})


def look_at_gateway(  # noqa: PLR0911  # one answer each
    around: Surroundings,
    before: Sequence[Finding],  # noqa: ARG001
) -> list[Finding]:
    """Look whether a way out is set, and whether who stands there answers."""
    name, way = "network.gateway", default_route(around)
    if way is None:
        return [broken(name, "network.no_route", _OURS, Who.TECHNICIAN, 0.85)]
    if way.gateway is None:  # a modem: what is sent into it has no neighbour
        return [sound(name, "network.point_to_point", None, 0.7, interface=way.device)]
    gateway = str(way.gateway)
    ports = [80, 53, 443]
    attempts = at_once(lambda port: try_tcp(gateway, port, 1.5), ports)
    evidence: dict[str, str | int | float | bool | None] = {
        f"tcp_port:{port}": attempt.state for port, attempt in zip(ports, attempts, strict=True)
    }
    if any(attempt.is_answered for attempt in attempts):
        quickest = min(each.seconds for each in attempts if each.is_answered)
        evidence["milliseconds"] = round(quickest * 1000, 1)
        return [sound(name, "network.gateway_answers", evidence, gateway=gateway)]
    hops = trace(gateway, hops=2, timeout=1.0)
    if hops:
        return [sound(name, "network.gateway_answers", {**evidence, "icmp": True}, gateway=gateway)]
    if _is_carrying(around):
        return [sound(name, "network.gateway_silent", evidence, 0.9, gateway=gateway)]
    if _is_neighbour(around, way.gateway):
        # It gave its hardware address and says nothing else: many routers do just that.
        evidence["arp"] = "answered"
        return [sound(name, "network.gateway_silent", evidence, 0.6, gateway=gateway)]
    evidence["arp"] = "no answer"
    return [broken(name, "network.gateway_dead", _OURS, Who.TECHNICIAN, 0.9, evidence,
                   gateway=gateway)]  # fmt: skip


def _is_carrying(around: Surroundings) -> bool:
    """Whether a name server beyond the gateway answers: then it carries, whatever it says."""
    servers = [each for each in name_servers(around) if not is_at_home(around, each)]
    answers = at_once(lambda server: resolve_name(server, "test.invalid", 2.0), servers)
    return any(state not in {"silent", "refused"} for state, _ in answers)


def _is_neighbour(around: Surroundings, address: IPv4Address) -> bool:
    """Ask until the kernel has either confirmed the neighbour or given it up."""
    end = time.monotonic() + _ARP_GIVES_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        while time.monotonic() < end:
            try:
                asked.sendto(b"\0", (str(address), 33434))
            except OSError:
                return False
            time.sleep(0.3)
            if neighbour(around, address) is None:
                return False
    return True
