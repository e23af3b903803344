# SPDX-License-Identifier: Apache-2.0
"""Another device with our own address: answers for us go to it now and then.

It is asked for as RFC 5227 says: an ARP question for our address that claims none for ourselves.
Only root (or CAP_NET_RAW) may send one. Our own other network cards answer too and do not count.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.tables import own_addresses, routes
from ektp_hw.diagnostics.probes.saying import broken, sound, untested

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address

    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["arp_frame", "look_at_twin", "read_arp"]

_ARP, _ETHERNET = 0x0806, "1"
"""The protocol's number, and the kernel's for a card that speaks it (``type`` in sysfs)."""
_EVERYBODY = b"\xff" * 6
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_QUESTION, _ANSWER = 1, 2
_TIMES, _APART, _PATIENCE = 3, 0.15, 0.6
"""How often it is asked, how many seconds apart, and for how long answers are heard."""


def look_at_twin(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Ask on every wire of ours who else has the address that we have there."""
    name = "network.duplicate"
    cards = [
        (way.device, address)
        for address in own_addresses(around)
        for way in routes(around)
        if way.net.prefixlen and way.gateway is None and address in way.net
        and around.read(f"/sys/class/net/{way.device}/type") == _ETHERNET
    ]  # fmt: skip
    if not cards:
        return [untested(name, "network.no_wire")]
    ours = _own_cards(around)
    try:
        others = [
            (address, card)
            for device, address in dict.fromkeys(cards)
            for card in _who_has(device, address, ours[device])
            if card not in ours.values()
        ]
    except PermissionError:
        return [untested(name, "network.only_root_asks")]
    except (OSError, KeyError) as error:
        return [untested(name, "network.no_wire", {"error": type(error).__name__})]
    for address, card in others:
        # The first half of its number says who made the card, which helps to find it.
        evidence = {"address": str(address), "maker_of_card": card[:3].hex(":")}
        return [broken(name, "network.address_twice", Cause.LOCAL_NETWORK, Who.TECHNICIAN, 0.9,
                       evidence, address=str(address))]  # fmt: skip
    return [sound(name, "network.address_once")]


def arp_frame(kind: int, sender: bytes, claimed: bytes, target: bytes, wanted: bytes) -> bytes:
    """Return an ARP frame (RFC 826) for Ethernet and IPv4."""
    to = _EVERYBODY if kind == _QUESTION else target
    return _FRAME.pack(to, sender, _ARP, 1, 0x0800, 6, 4, kind, sender, claimed, target, wanted)


def read_arp(frame: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    """Return kind, hardware address and address of the sender, and address asked for."""
    if len(frame) < _FRAME.size:
        return None
    fields = _FRAME.unpack_from(frame)
    return (fields[7], fields[8], fields[9], fields[11]) if fields[2] == _ARP else None


def _own_cards(around: Surroundings) -> dict[str, bytes]:
    try:
        names = [each.name for each in around.path("/sys/class/net").iterdir()]
    except OSError:
        return {}
    texts = {name: around.read(f"/sys/class/net/{name}/address") or "" for name in names}
    return {name: bytes.fromhex(text.replace(":", "")) for name, text in texts.items()}


def _who_has(device: str, address: IPv4Address, card: bytes) -> list[bytes]:
    """Return the hardware addresses that answer for an address.

    Raises
    ------
    OSError
        PermissionError if only root may ask; others if there is no such device.
    """
    found: list[bytes] = []
    question = arp_frame(_QUESTION, card, b"\0" * 4, b"\0" * 6, address.packed)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ARP)) as wire:
        wire.bind((device, _ARP))
        begun, asked = time.monotonic(), 0
        while (now := time.monotonic() - begun) < _PATIENCE:
            if asked < _TIMES and now >= asked * _APART:
                wire.send(question)
                asked += 1
            wire.settimeout(0.05)
            try:
                told = read_arp(wire.recv(256))
            except TimeoutError:
                continue
            if told is not None and told[0] == _ANSWER and told[2] == address.packed:
                found.append(told[1])
    return list(dict.fromkeys(found))
