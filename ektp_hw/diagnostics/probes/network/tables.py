# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of this machine's network: interfaces, addresses, routes, neighbours.

Sources: proc(5) and Documentation/ABI/testing/sysfs-class-net of the Linux kernel.
"""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = [
    "Interface", "Route", "default_route", "interfaces", "is_at_home", "is_private",
    "name_servers",
    "neighbour", "own_addresses", "routes",
]  # fmt: skip

_NOT_TO_THE_WORLD = re.compile(r"^(lo|docker|br-|virbr|veth|vnet|ifb|dummy|sit|tunl|bond_slave)")
_PRIVATE = [IPv4Network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
_UP = 0x1
_COUNTERS = ("rx_errors", "tx_errors", "rx_crc_errors", "rx_dropped", "collisions")


@dataclass(frozen=True)
class Interface:
    """A network interface that may lead to the world.

    Parameters
    ----------
    is_up, has_carrier
        Whether it is switched on, and whether it feels the other end of its cable.
    changes
        How often the carrier came or went since it exists.
    signal
        Strength of a radio link in dBm; None for a cable.
    """

    name: str
    is_up: bool
    has_carrier: bool
    changes: int
    speed: int | None
    duplex: str
    signal: int | None
    counters: dict[str, int]


@dataclass(frozen=True)
class Route:
    """A way that packets take."""

    device: str
    net: IPv4Network
    gateway: IPv4Address | None
    metric: int


def interfaces(around: Surroundings) -> list[Interface]:
    """Return the interfaces that may lead to the world."""
    try:
        names = sorted(each.name for each in around.path("/sys/class/net").iterdir())
    except OSError:
        return []
    signals = _signals(around)
    return [
        _interface(around, name, signals) for name in names if not _NOT_TO_THE_WORLD.match(name)
    ]


def _interface(around: Surroundings, name: str, signals: dict[str, int]) -> Interface:
    folder = f"/sys/class/net/{name}"
    if (flags := around.read(f"{folder}/flags")) is None:
        return Interface(name, False, False, 0, None, "", None, {})
    speed = _number(around.read(f"{folder}/speed"))
    counters = {key: _number(around.read(f"{folder}/statistics/{key}")) or 0 for key in _COUNTERS}
    return Interface(
        name,
        bool(int(flags, 16) & _UP),
        around.read(f"{folder}/carrier") == "1",
        _number(around.read(f"{folder}/carrier_changes")) or 0,
        speed if speed and speed > 0 else None,
        around.read(f"{folder}/duplex") or "",
        signals.get(name),
        counters,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?\d+", text) else None


def _signals(around: Surroundings) -> dict[str, int]:
    signals = {}
    for line in (around.read("/proc/net/wireless") or "").splitlines()[2:]:
        words = line.split()
        if len(words) > 3 and words[0].endswith(":"):
            signals[words[0][:-1]] = int(float(words[3]))
    return signals


def routes(around: Surroundings) -> list[Route]:
    """Return the IPv4 routes that are in use, the best first."""
    found = []
    for line in (around.read("/proc/net/route") or "").splitlines()[1:]:
        words = line.split()
        if len(words) < 8 or not int(words[3], 16) & _UP:
            continue
        net, gateway, mask = (_address(words[index]) for index in (1, 2, 7))
        found.append(
            Route(
                words[0],
                IPv4Network((int(net), int(mask).bit_count()), strict=False),
                gateway if int(gateway) else None,
                int(words[6]),
            )
        )
    return sorted(found, key=lambda route: (-route.net.prefixlen, route.metric))


def default_route(around: Surroundings) -> Route | None:
    """Return the way out, None if there is none."""
    ways = [route for route in routes(around) if route.net.prefixlen == 0]
    return ways[0] if ways else None


def _address(text: str) -> IPv4Address:
    return IPv4Address(socket.inet_ntoa(struct.pack("=I", int(text, 16))))


def own_addresses(around: Surroundings) -> list[IPv4Address]:
    """Return this machine's IPv4 addresses, but those of itself to itself."""
    found, last = [], ""
    for line in (around.read("/proc/net/fib_trie") or "").splitlines():
        if match := re.search(r"\|-- (\d+\.\d+\.\d+\.\d+)$", line):
            last = match[1]
        elif "/32 host LOCAL" in line and last and not IPv4Address(last).is_loopback:
            found.append(IPv4Address(last))
    return list(dict.fromkeys(found))


def neighbour(around: Surroundings, address: IPv4Address) -> str | None:
    """Return the hardware address of a neighbour that answered ARP, None if it did not."""
    for line in (around.read("/proc/net/arp") or "").splitlines()[1:]:
        words = line.split()
        if words[:1] == [str(address)] and int(words[2], 16) & 0x2:
            return words[3]
    return None


def name_servers(around: Surroundings) -> list[str]:
    """Return the name servers that are set, IPv4 only; those behind a local stub if it has any."""
    for name in ("/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"):
        text = around.read(name) or ""
        servers = re.findall(r"(?m)^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)", text)
        stub = name.startswith("/run") and "127.0.0.53" not in (
            around.read("/etc/resolv.conf") or ""
        )
        if servers and not stub:
            return list(dict.fromkeys(servers))
    return []


def is_at_home(around: Surroundings, address: str) -> bool:
    """Whether an address is this machine or one on its own wire."""
    number = IPv4Address(address)
    connected = [route for route in routes(around) if route.net.prefixlen and not route.gateway]
    return number.is_loopback or any(number in route.net for route in connected)


def is_private(address: str) -> bool:
    """Whether an address belongs to some office's or house's own network."""
    number = IPv4Address(address)
    return number.is_loopback or any(number in net for net in _PRIVATE)
