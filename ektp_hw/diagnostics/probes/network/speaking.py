# SPDX-License-Identifier: Apache-2.0
"""The centre: where it is, a line to it (through the proxy if there is one), TLS and HTTP on it.

HTTP is spoken here by hand because what matters is what `http.client` hides: when the first byte
came, and that no redirect is followed. Bodies are read up to a limit and thrown away.
"""

from __future__ import annotations

import email.utils
import re
import ssl
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ektp_hw.diagnostics.probes.network.packets import at_once, connect, resolve_name
from ektp_hw.diagnostics.probes.network.tables import name_servers

if TYPE_CHECKING:
    import socket

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = [
    "NoLine", "Place", "ProxyRefused", "Reply", "addresses_of", "ask", "centre_of", "line_to",
    "open_tls", "place_of", "proxy_of",
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A host and a port, with what else an address says."""

    host: str
    port: int
    is_secure: bool = True
    path: str = "/"


@dataclass(frozen=True)
class Reply:
    """An answer to a request.

    Parameters
    ----------
    status
        0 if what came was no HTTP.
    first, seconds
        Seconds until the first byte, and until the last.
    size
        Bytes of the body that were read.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    first: float = 0.0
    seconds: float = 0.0
    size: int = 0

    @property
    def date(self) -> float | None:
        """The server's clock, seconds since 1970; None if it does not say."""
        try:
            return email.utils.parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return None


class NoLine(OSError):
    """No connection came about: nobody was asked anything."""


class ProxyRefused(NoLine):
    """The proxy answered and did not give a line."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the proxy answered {status}")
        self.status = status


def place_of(text: str, port: int = 443) -> Place | None:
    """Return where ``https://host:port/path`` or ``host:port`` is; None if it is no address."""
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        if not parts.hostname:
            return None
        is_secure = parts.scheme != "http"
        number = parts.port or (port if is_secure else 80)
    except ValueError:
        return None
    return Place(parts.hostname, number, is_secure, parts.path or "/")


def centre_of(around: Surroundings) -> Place | None:
    """Return where the centre is, None if the profile names none."""
    return place_of(around.profile.centre) if around.profile.centre else None


def proxy_of(around: Surroundings) -> Place | None:
    """Return the web proxy of the profile, or else of the environment."""
    environment = around.environment
    text = around.profile.proxy or environment.get("https_proxy") or environment.get("HTTPS_PROXY")
    return place_of(text, 8080) if text else None


def addresses_of(around: Surroundings, host: str) -> list[str]:
    """Return the IPv4 addresses of a host by the hosts file and the name servers, at most three."""
    try:
        return [str(IPv4Address(host))]
    except ValueError:
        pass
    written = re.findall(
        r"(?m)^\s*(\d+\.\d+\.\d+\.\d+)\s+([^#\n]*)", around.read("/etc/hosts") or ""
    )
    if known := [address for address, names in written if host in names.split()]:
        return known[:3]
    answers = at_once(lambda server: resolve_name(server, host, 2.0), name_servers(around)[:3])
    found = [address for _, addresses in answers for address in addresses]
    return list(dict.fromkeys(found))[:3]


def line_to(
    around: Surroundings, place: Place, timeout: float = 4.0, *, segment: int | None = None
) -> socket.socket:
    """Return a connection to a place, through the proxy if there is one.

    Raises
    ------
    OSError
        If there is no way; `ProxyRefused` if only the proxy is reached.
    """
    way = proxy_of(around) or place
    addresses = addresses_of(around, way.host)
    if not addresses:
        raise OSError(f"{way.host} has no address")
    for address in addresses[:-1]:
        try:
            line = connect(address, way.port, timeout / 2, segment=segment)
            break
        except OSError:
            continue
    else:
        line = connect(addresses[-1], way.port, timeout, segment=segment)
    if way is not place:
        try:
            line.sendall(f"CONNECT {place.host}:{place.port} HTTP/1.1\r\n"
                         f"Host: {place.host}:{place.port}\r\n\r\n".encode())  # fmt: skip
            reply = _read(line, 0, time.monotonic(), timeout, head_only=True)
            if not 200 <= reply.status < 300:
                raise ProxyRefused(reply.status)
        except OSError:
            line.close()
            raise
    return line


def open_tls(
    line: socket.socket, host: str, *, authorities: str | None = None, verify: bool = False
) -> ssl.SSLSocket:
    """Return the line with TLS on it; without ``verify`` whoever answers is accepted.

    Nothing secret is ever sent here: requests of the doctor carry no data of the station.

    Raises
    ------
    OSError
        ssl.SSLError, ssl.SSLCertVerificationError or a time-out.
    """
    try:
        if verify:
            context = ssl.create_default_context(cafile=authorities)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(line, server_hostname=host)
    except OSError:
        line.close()
        raise


def ask(
    around: Surroundings,
    place: Place,
    path: str,
    *,
    timeout: float = 8.0,
    limit: int = 65536,
) -> Reply:
    """GET a path and return what came; the server need not be who it says.

    Raises
    ------
    OSError
        `NoLine` if no connection comes about, others if no answer comes in time.
    """
    try:
        line = line_to(around, place)
    except NoLine:
        raise
    except OSError as error:
        raise NoLine(f"{place.host} is not reached: {error}") from error
    if place.is_secure:
        line = open_tls(line, place.host)
    with line:
        begun = time.monotonic()
        return speak(line, place.host, path, begun, timeout, limit)


def speak(
    line: socket.socket, host: str, path: str, begun: float, timeout: float, limit: int
) -> Reply:
    """GET a path on a line that is open.

    Raises
    ------
    OSError
        If no answer comes in time.
    """
    line.settimeout(timeout)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ektp-hw\r\nConnection: close\r\n"
    line.sendall(f"{request}\r\n".encode())
    return _read(line, limit, begun, timeout)


def _read(
    line: socket.socket, limit: int, begun: float, timeout: float, *, head_only: bool = False
) -> Reply:
    end = time.monotonic() + timeout
    text, first = b"", 0.0
    while b"\r\n\r\n" not in text and len(text) < 32768:
        part = _receive(line, end, 1 if head_only else 65536)
        first = first or time.monotonic() - begun
        if not part:
            break
        text += part
    if not text:
        raise ConnectionResetError("closed without an answer")
    head, _, body = text.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    match = re.match(r"HTTP/\d\S* (\d{3})\b", lines[0])
    pairs = (each.partition(":") for each in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    size, length = len(body), headers.get("content-length", "")
    wanted = min(limit, int(length)) if re.fullmatch(r"[0-9]{1,18}", length) else limit
    while match and not head_only and size < wanted and (part := _receive(line, end, 65536)):
        size += len(part)
    return Reply(int(match[1]) if match else 0, headers, first, time.monotonic() - begun, size)


def _receive(line: socket.socket, end: float, size: int) -> bytes:
    line.settimeout(max(0.01, end - time.monotonic()))
    return line.recv(size)
