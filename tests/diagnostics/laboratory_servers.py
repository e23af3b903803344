# SPDX-License-Identifier: Apache-2.0
"""The people of the laboratory's network: a name server, a centre, a portal, each misbehaving."""

import contextlib
import datetime as dt
import email.utils
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

CENTRE = "pusat.contoh.test"


class Server:
    """Accepts on a listening socket and talks to each caller in a thread of its own."""

    def __init__(self, listening: socket.socket, talk: Callable[[socket.socket], None]) -> None:
        self._listening, self._talk = listening, talk
        listening.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="laboratory", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                caller, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: socket.socket) -> None:
        caller.settimeout(15)
        with caller, contextlib.suppress(OSError):
            self._talk(caller)


class Centre:
    """Answers HTTPS, as its attributes say, which may be set at any time.

    They are ``status``, ``health`` (status of /health), ``wait`` (seconds before an answer),
    ``clock`` (seconds that its Date differs from the true time; None: it tells none),
    ``certificate``, ``speaks_tls``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.heal()

    def heal(self) -> None:
        self.status, self.health, self.wait = 200, 200, 0.0
        self.clock: float | None = 0.0
        self.speaks_tls, self.certificate = True, "good"

    def talk(self, caller: socket.socket) -> None:
        """Talk TLS and HTTP to one caller."""
        if not self.speaks_tls:
            caller.recv(4096)
            caller.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{self.certificate}.pem")
        with context.wrap_socket(caller, server_side=True) as secured:
            while path := request_path(secured):
                time.sleep(self.wait)
                status = self.health if path == "/health" else self.status
                body = b"x" * 200_000 if path == "/measure" else b"SIAK\n"
                secured.sendall(http_answer(status, body, *self._dated()))

    def _dated(self) -> list[str]:
        if self.clock is None:
            return []
        return [f"Date: {email.utils.formatdate(time.time() + self.clock, usegmt=True)}"]

    def talk_plainly(self, caller: socket.socket) -> None:
        """Send who asks without TLS to the secure address."""
        if request_path(caller):
            caller.sendall(http_answer(301, b"", f"Location: https://{CENTRE}/"))


def talk_as_portal(caller: socket.socket) -> None:
    """Send whoever asks for anything to the page where he logs in."""
    if request_path(caller):
        caller.sendall(http_answer(302, b"", "Location: http://192.168.7.1/login"))


def talk_as_router(caller: socket.socket) -> None:
    """Say that there is no such page, as a router does that is asked for somebody else's."""
    if request_path(caller):
        caller.sendall(http_answer(404, b""))


def request_path(caller: socket.socket) -> str:
    """Read one request and return its path; empty at the end."""
    text = b""
    while b"\r\n\r\n" not in text:
        part = caller.recv(65536)
        if not part:
            return ""
        text += part
    return text.split()[1].decode()


def http_answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class NameServer:
    """Answers questions for IPv4 addresses, as its ``mode`` says.

    It is ``right``, ``silent``, ``failing``, ``unknown`` (knows no name) or an address, which it
    then gives for every name. ``sixth`` is the IPv6 address that it has for every name it knows;
    empty for none.
    """

    def __init__(self, asked: socket.socket, names: dict[str, str]) -> None:
        self._asked, self._names = asked, names
        self.heal()
        asked.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="names", daemon=True)
        self._thread.start()

    def heal(self) -> None:
        self.mode, self.sixth = "right", ""

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._asked.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                query, asker = self._asked.recvfrom(4096)
                if self.mode != "silent":
                    self._asked.sendto(self._answer(query), asker)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = int.from_bytes(query[at + 1 : at + 3], "big")
        address = self._names.get(".".join(labels).lower())
        if self.mode not in {"right", "failing", "unknown"}:
            address = self.mode
        code = {"failing": 2, "unknown": 3}.get(self.mode, 0 if address else 3)
        answers = b""
        if code == 0 and kind == 1 and address:
            answers = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(address)
        if code == 0 and kind == 28 and address and self.sixth:
            packed = socket.inet_pton(socket.AF_INET6, self.sixth)
            answers = struct.pack(">HHHIH", 0xC00C, 28, 1, 60, 16) + packed
        head = struct.pack(">HHHHH", 0x8180 | code, 1, 1 if answers else 0, 0, 0)
        return query[:2] + head + query[12 : at + 5] + answers


class TimeServer:
    """Tells the time by NTP, ``shift`` seconds from the true one."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked, self.shift = asked, 0.0
        asked.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="time", daemon=True)
        self._thread.start()

    def heal(self) -> None:
        self.shift = 0.0

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._asked.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                question, asker = self._asked.recvfrom(512)
                now = time.time() + self.shift + 2_208_988_800
                stamp = struct.pack("!II", int(now) % 2**32, int(now % 1 * 2**32))
                head = struct.pack("!BBbb3I", 0x24, 2, 6, -20, 0, 0, 0)
                self._asked.sendto(head + stamp + question[40:48] + stamp + stamp, asker)


@cache
def _authority():
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())


def write_certificates(folder: Path) -> Path:
    """Write the centre's certificates and return the file of the authority.

    They are good, expired, early, wrong_name, strange, far, each with its key in ``<name>.pem``;
    the authority signed all but "strange".
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = dt.datetime.now(dt.UTC)
    key, stranger = _authority()
    day = dt.timedelta(days=1)

    def signed(name, issuer, public, signer, span, names=(), authority=False):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + span[0] * day)
            .not_valid_after(now + span[1] * day)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
        )
        if authority:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            # Many names: a certificate as large as real chains are, larger than a packet.
            many = [x509.DNSName(each) for each in names] + [
                x509.DNSName(f"layanan-{index:03}.example.test") for index in range(90)
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(many), critical=False)
        return builder.sign(signer, hashes.SHA256())

    pem = serialization.Encoding.PEM
    root = signed("Laboratory", "Laboratory", key.public_key(), key, (-4000, 8000), (), True)
    (folder / "authority.pem").write_bytes(root.public_bytes(pem))
    for stem, span, names, by in (
        ("good", (-30, 300), (CENTRE,), "Laboratory"),
        ("expired", (-400, -3), (CENTRE,), "Laboratory"),
        ("far", (1000, 1400), (CENTRE,), "Laboratory"),
        ("early", (3, 300), (CENTRE,), "Laboratory"),
        ("wrong_name", (-30, 300), (), "Laboratory"),
        ("strange", (-30, 300), (CENTRE,), "Kotak Penyaring"),
    ):
        own = ec.generate_private_key(ec.SECP256R1())
        signer = key if by == "Laboratory" else stranger
        leaf = signed(
            names[0] if names else "other.test", by, own.public_key(), signer, span, names
        )
        private = own.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{stem}.pem").write_bytes(private + leaf.public_bytes(pem))
    return folder / "authority.pem"
