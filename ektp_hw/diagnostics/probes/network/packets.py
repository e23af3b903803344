# SPDX-License-Identifier: Apache-2.0
"""Single packets and single connections, without root: who answers, how fast, and from where.

The road is asked with ordinary UDP sockets of growing time to live whose errors are read back
(IP_RECVERR of ip(7)); a connection that is refused is an answer as well.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Attempt", "Hop", "at_once", "connect", "resolve_name", "trace", "try_tcp"]

_IP_RECVERR = 11
_REPEATS = 5
_MSG_ERRQUEUE = 0x2000
_UNREACHABLE = 3
_STATES = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "refused",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENOTCONN: "unreachable",
    errno.EACCES: "unreachable",  # a firewall says that it is forbidden
    errno.EPERM: "unreachable",
    errno.ENETUNREACH: "no_way",
    errno.ENETDOWN: "no_way",
    errno.EADDRNOTAVAIL: "no_way",
    errno.EINVAL: "no_way",
}
Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(frozen=True)
class Attempt:
    """How a connection went: ``open``, ``refused``, ``silent``, ``unreachable``, ``no_way``."""

    state: str
    seconds: float

    @property
    def is_answered(self) -> bool:
        """Whether somebody at the other end said anything."""
        return self.state in {"open", "refused"}


@dataclass(frozen=True)
class Hop:
    """A router on the way that said something about a packet, or the end of the way itself."""

    distance: int
    address: str
    is_unreachable: bool
    """It said that it cannot carry the packet on (or is its target), not that it got too old."""


def try_tcp(address: str, port: int, timeout: float = 3.0, ttl: int | None = None) -> Attempt:
    """Open a connection and close it again."""
    begun = time.monotonic()
    try:
        connect(address, port, timeout, ttl=ttl).close()
        state = "open"
    except TimeoutError:
        state = "silent"
    except OSError as error:
        if error.errno not in _STATES:
            raise
        state = _STATES[error.errno]
    return Attempt(state, time.monotonic() - begun)


def connect(
    address: str, port: int, timeout: float, *, segment: int | None = None, ttl: int | None = None
) -> socket.socket:
    """Return a connection; ``segment`` limits the bytes of a packet in both directions.

    Raises
    ------
    OSError
        If it does not come about.
    """
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        line.settimeout(timeout)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if segment is not None:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        if ttl is not None:
            line.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        line.connect((address, port))
        line.getpeername()  # an error of a router may wake connect() and be gone before it is read
    except OSError:
        line.close()
        raise
    return line


def at_once(ask: Callable[[Asked], Told], whom: Iterable[Asked]) -> list[Told]:
    """Ask all of them side by side; each must have a time limit of its own."""
    asked = list(whom)
    if not asked:
        return []
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(ask, asked))


def trace(address: str, *, hops: int = 16, timeout: float = 1.5) -> list[Hop]:
    """Return who speaks up on the way to an address, the nearest first."""
    with contextlib.ExitStack() as closing:
        sockets = {}
        for ttl in range(1, hops + 1):
            sent = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):  # no way out: nobody will say anything
                sent.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
                sent.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
                sent.connect((address, 33434 + ttl))
                sent.send(b"\0" * 8)
                sockets[sent.fileno()] = (ttl, sent)
        found = _errors(sockets, timeout)
    found.sort(key=lambda hop: hop.distance)
    ends = [index for index, hop in enumerate(found) if hop.is_unreachable]
    return found[: ends[0] + 1] if ends else found


def _errors(sockets: dict[int, tuple[int, socket.socket]], timeout: float) -> list[Hop]:
    watch = select.poll()
    for number in sockets:
        watch.register(number, select.POLLERR)
    found: list[Hop] = []
    end = time.monotonic() + timeout
    while len(found) < len(sockets) and (left := end - time.monotonic()) > 0:
        for number, _ in watch.poll(left * 1000):
            ttl, sent = sockets[number]
            watch.unregister(number)
            if hop := _hop(ttl, sent):
                found.append(hop)
                if hop.is_unreachable:  # the end of the way: nearer ones answer about now
                    end = min(end, time.monotonic() + 0.3)
    return found


def _hop(ttl: int, sent: socket.socket) -> Hop | None:
    try:
        _, ancillary, _, _ = sent.recvmsg(512, 512, _MSG_ERRQUEUE)
    except OSError:
        return None
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_RECVERR and len(data) >= 24:
            _, origin, icmp, _ = struct.unpack_from("=IBBB", data)
            if origin == 2:  # SO_EE_ORIGIN_ICMP: a router's word, not our own kernel's
                return Hop(ttl, socket.inet_ntoa(data[20:24]), icmp == _UNREACHABLE)
    return None


def resolve_name(server: str, name: str, timeout: float = 3.0) -> tuple[str, list[str]]:
    """Ask a name server for the IPv4 addresses of a name (RFC 1035), five times if it is silent.

    Returns
    -------
    tuple
        ``found``, ``unknown``, ``failing``, ``refused`` or ``silent``, and the addresses.
    """
    try:
        labels = name.rstrip(".").encode("idna").split(b".")
    except UnicodeError:  # a name with a part of more than 63 letters, or none
        return "unknown", []
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0\0\1\0\1"
    mark = os.urandom(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(timeout / _REPEATS)
        try:
            asked.connect((server, 53))
            for _ in range(_REPEATS):
                asked.send(mark + b"\1\0\0\1\0\0\0\0\0\0" + question)
                with contextlib.suppress(TimeoutError):
                    answer = asked.recv(4096)
                    while answer[:2] != mark:
                        answer = asked.recv(4096)
                    return _addresses(answer, 12 + len(question))
        except ConnectionRefusedError:
            return "refused", []
        except OSError:
            return "silent", []
    return "silent", []


def _addresses(answer: bytes, at: int) -> tuple[str, list[str]]:
    if len(answer) < 12:
        return "failing", []
    code = answer[3] & 0xF
    if code:
        return {3: "unknown", 5: "refused"}.get(code, "failing"), []
    found = []
    try:
        for _ in range(int.from_bytes(answer[6:8], "big")):
            while answer[at] and answer[at] < 0xC0:
                at += 1 + answer[at]
            at += 2 if answer[at] else 1
            kind, _, _, size = struct.unpack_from(">HHIH", answer, at)
            if kind == 1 and size == 4:
                found.append(socket.inet_ntoa(answer[at + 10 : at + 14]))
            at += 10 + size
    except (IndexError, struct.error, OSError):
        return "failing", []
    return ("found" if found else "unknown"), found
