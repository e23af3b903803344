# SPDX-License-Identifier: Apache-2.0
"""A whole network on one machine, for the doctor: five namespaces, a line, and 38 ways to break it.

    station ── gateway ══ wire ══ provider ─┬─ centre     203.0.113.10  https, http
    192.168.7.20   .7.1         100.64.0.1  └─ elsewhere  198.51.100.20 a neighbour that answers
                                100.64.9.53 name server, time server

Nothing outside these namespaces is touched, and no packet leaves the machine. It needs root,
iproute2 and `cryptography`; `why_not` says what is missing.

::

    with laboratory() as lab:                     # about 0.3 s to build
        lab.suffer(NetworkFault.DNS_SILENT)       # one or several; lab.heal() takes all back
        report = lab.look(network.PROBES)         # -> Report of run_probes, from inside the station
        done = lab.run(["ektp-hw", "doctor"])     # or any command there: a CompletedProcess
    lab.profile(reference_hosts=())               # the station's profile; all its keys may be given

`look` and `run` start a process in the station's namespace, with its own /sys and
/etc/resolv.conf; look(..., root=...) lets probes read files of a test instead.
"""

import contextlib
import ctypes
import itertools
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from diagnostics.laboratory_servers import (
    CENTRE,
    Centre,
    NameServer,
    Server,
    TimeServer,
    talk_as_portal,
    talk_as_router,
    write_certificates,
)
from diagnostics.laboratory_wire import Twin, Wire, end_of_wire, without_offloading
from ektp_hw.diagnostics.probing import Probe, Report
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings

Made = TypeVar("Made")
_ROOMS = ("station", "gateway", "wire", "provider", "centre", "elsewhere")


class NetworkFault(StrEnum):
    """What can be broken; several at once where they do not exclude each other."""

    LINK_DOWN = "the cable is out"
    INTERFACE_OFF = "the station's interface is switched off"
    NO_INTERFACE = "there is no network card"
    NO_ADDRESS = "DHCP gave no address"
    LINK_LOCAL_ONLY = "DHCP failed, the system chose 169.254"
    NO_ROUTE = "no way out is set"
    DUPLICATE_ADDRESS = "another device has the station's address"
    ONLY_IPV6 = "the station has an IPv6 address only, and it leads nowhere"
    IPV6_BROKEN = "IPv6 is set and leads nowhere, IPv4 works"
    GATEWAY_DEAD = "the gateway does not answer"
    PORTAL = "a login page at the gateway catches all"
    INTERCEPTION = "a box at the gateway opens TLS with its own certificate"
    LINE_CUT = "the line between gateway and provider is cut"
    PROVIDER_BLACKHOLE = "the provider carries nothing on"
    DNS_SILENT = "the name server says nothing"
    DNS_REFUSES = "the name server's port is closed"
    DNS_FAILING = "the name server says SERVFAIL"
    DNS_LIES = "the name server sends every name to one address"
    NAME_UNKNOWN = "the name server knows no such name"
    CENTRE_OFF = "the centre is switched off, its router says so"
    CENTRE_SILENT = "packets to the centre vanish"
    CENTRE_REFUSES = "the centre's port is closed"
    NO_TLS = "something else than TLS answers at the centre"
    CERTIFICATE_EXPIRED = "the centre's certificate has run out"
    CERTIFICATE_EARLY = "the centre's certificate is not valid yet"
    CERTIFICATE_WRONG_NAME = "the centre's certificate is somebody else's"
    CERTIFICATE_STRANGE = "the centre's certificate is signed by nobody known"
    CLOCK_WRONG = "the world is three years ahead of the station's clock"
    CLOCK_SLOW = "the world is 20 minutes ahead of the station's clock"
    CENTRE_CLOCK_WRONG = "the centre's clock is two days slow"
    CLOCK_WRONG_BY_NTP = "the time servers are two days ahead, the centre tells no time"
    HTTP_500 = "the centre answers 500"
    HTTP_503 = "the centre answers 503"
    HEALTH_BAD = "the centre's application says that it is ill"
    CENTRE_SLOW = "the centre takes 6 s for an answer"
    LOSSY = "the line loses 15 % of the packets, each way"
    SLOW_LINE = "the line takes 0.4 s each way"
    SMALL_MTU = "packets above 1300 bytes vanish on the line"


def why_not() -> str | None:
    """Return why there can be no laboratory here, None if there can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    if find_spec("cryptography") is None:
        return "certificates need 'cryptography'"
    name = f"ektp{os.getpid()}-trial"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "network namespaces are forbidden here"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


@contextlib.contextmanager
def laboratory() -> Iterator["Laboratory"]:
    """Build the network, and take it down again."""
    with tempfile.TemporaryDirectory(prefix="ektp-laboratory-") as folder:
        lab = Laboratory(Path(folder))
        try:
            lab.build()
            yield lab
        finally:
            lab.close()


class Laboratory:
    """See the file's first words.

    ``wire``, ``names``, ``time``, ``centre`` may also be misused directly (loss, delay, mode,
    status, ...).
    """

    _numbers = itertools.count(1)

    def __init__(self, folder: Path) -> None:
        self._prefix = f"ektp{os.getpid()}-{next(self._numbers)}-"
        self._folder = folder
        self._closing = contextlib.ExitStack()
        self._faulty = contextlib.ExitStack()
        self._gateway_page = talk_as_router

    def build(self) -> None:
        """Make rooms, lines and servers."""
        _sweep()
        for room in _ROOMS:
            _ip("netns", "add", self._prefix + room)
            self._closing.callback(_ip, "netns", "del", self._prefix + room)
        for here, device, there, other in (
            ("station", "eth0", "gateway", "lan"),
            ("gateway", "wan", "wire", "left"),
            ("provider", "line", "wire", "right"),
            ("centre", "eth0", "provider", "pc"),
            ("elsewhere", "eth0", "provider", "pe"),
        ):
            _ip("-n", self._prefix + here, "link", "add", device, "type", "veth",
                "peer", "name", other, "netns", self._prefix + there)  # fmt: skip
        self._set_up()
        (self._folder / "resolv.conf").write_text("nameserver 100.64.9.53\n")
        authority = write_certificates(self._folder)
        self._profile = StationProfile(
            name="Cipocok Jaya", centre=f"https://{CENTRE}/", authorities=authority,
            reference_hosts=("198.51.100.20:80",), health="/health", measure="/measure",
        )  # fmt: skip
        ends = [self._inside("wire", lambda side=side: end_of_wire(side)) for side in _SIDES]
        for room, device in (("gateway", "wan"), ("provider", "line")):
            self._inside(room, lambda device=device: without_offloading(device))
        self.wire = Wire(*ends)
        self._closing.callback(self.wire.close)
        self._start_names()
        self.time = TimeServer(self._inside("provider", lambda: _datagrams("100.64.9.53", 123)))
        self._closing.callback(self.time.close)
        self.centre = Centre(self._folder)
        self._restart_centre()
        self._serve("centre", 80, self.centre.talk_plainly, self._closing)
        self._serve("elsewhere", 80, talk_as_portal, self._closing)
        self._serve("gateway", 80, self._show_page, self._closing)

    def _set_up(self) -> None:
        for room, commands in _LINES.items():
            self._do(room, *commands)
        settings = ("ip_forward=1", "icmp_ratelimit=0", "conf.all.rp_filter=0")
        for room in ("gateway", "provider"):
            keys = [f"net.ipv4.{key}" for key in settings]
            subprocess.run(
                ["ip", "netns", "exec", self._prefix + room, "sysctl", "-q", "-w", *keys],
                check=True,
            )

    def close(self) -> None:
        """Take everything down."""
        self._faulty.close()
        self._closing.close()

    def profile(self, **changes: object) -> StationProfile:
        """Return the profile of the station, with some keys changed."""
        return replace(self._profile, **changes)

    def suffer(self, *faults: NetworkFault) -> None:
        """Break the network, until `heal`."""
        for fault in faults:
            _BREAKS[fault](self)

    def heal(self) -> None:
        """Take every fault back."""
        self._faulty.close()
        self.wire.heal()
        self.names.heal()
        self.time.heal()
        self.centre.heal()

    def look(
        self, probes: Sequence[Probe], *, profile: StationProfile | None = None, **changes: object
    ) -> Report:
        """Run the probes inside the station; ``changes`` are those of `Surroundings`."""
        around = Surroundings(profile or self._profile, **{"environment": {}, **changes})
        request = pickle.dumps((list(probes), around))
        done = self.run([sys.executable, "-c", _LOOK], request)
        return pickle.loads(done.stdout)  # noqa: S301  # our own child

    def run(
        self, command: Sequence[str], given: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command inside the station.

        Raises
        ------
        RuntimeError
            If it fails; with what it wrote as its error.
        """
        inside = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        done = subprocess.run(
            ["ip", "netns", "exec", self._prefix + "station", "sh", "-c", inside,
             self._folder / "resolv.conf", *command],
            input=given, capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        if done.returncode > 1:  # 1 is "the answer is no"
            raise RuntimeError(done.stderr.decode(errors="replace"))
        return done

    def _do(self, room: str, *commands: str) -> None:
        text = "\n".join(commands) + "\n"
        subprocess.run(
            ["ip", "-n", self._prefix + room, "-batch", "-"], input=text, text=True, check=True
        )

    def _undo(self, room: str, *commands: str) -> None:
        self._faulty.callback(self._do, room, *commands)

    def _change(self, room: str, done: str, *undone: str) -> None:
        self._do(room, done)
        self._undo(room, *undone)

    def _serve(
        self,
        room: str,
        port: int,
        talk: Callable[[socket.socket], None],
        closing: contextlib.ExitStack,
    ) -> Server:
        server = Server(self._inside(room, lambda: _listening(port)), talk)
        closing.callback(server.close)
        return server

    def _inside(self, room: str, make: Callable[[], Made]) -> Made:
        """Call a function in a thread that is in a room: sockets stay where they were made."""
        made: list[Made] = []

        def enter() -> None:
            with Path(f"/var/run/netns/{self._prefix}{room}").open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(make())

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return made[0]

    def _catch_all(self) -> None:
        """Let the gateway take what is meant for anybody, but for the name server."""
        for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
            self._change(
                "gateway", f"route add local {net} dev lo", f"route del local {net} dev lo"
            )

    def _show_page(self, caller: socket.socket) -> None:
        self._gateway_page(caller)

    def _open_portal(self) -> None:
        self._catch_all()
        self._gateway_page = talk_as_portal
        self._faulty.callback(setattr, self, "_gateway_page", talk_as_router)

    def _intercept(self) -> None:
        self._catch_all()
        box = Centre(self._folder)
        box.certificate = "strange"
        self._serve("gateway", 443, box.talk, self._faulty)

    def _silence_gateway(self) -> None:
        self._change(
            "gateway", "addr del 192.168.7.1/24 dev lan", "addr add 192.168.7.1/24 dev lan"
        )
        self._do("station", "neigh flush all")

    def _lose_address(self) -> None:
        self._change("station", "addr del 192.168.7.20/24 dev eth0",
                     "addr add 192.168.7.20/24 dev eth0", _HOME)  # fmt: skip

    def _choose_link_local(self) -> None:
        self._lose_address()
        link_local = "169.254.8.1/16 dev eth0"
        self._change("station", f"addr add {link_local}", f"addr del {link_local}")

    def _bring_twin(self) -> None:
        wire = self._inside("gateway", lambda: end_of_wire("lan"))
        self._faulty.callback(Twin(wire, "192.168.7.20").close)

    def _lead_nowhere_by_ipv6(self) -> None:
        """Give the station an IPv6 address and a way out to a router that is not there."""
        address, way = "2001:db8:7::20/64 dev eth0", "via 2001:db8:7::1"
        self._change("station", f"addr add {address} nodad", f"addr del {address}")
        self._change("station", f"route add default {way}", f"route del default {way}")
        self.names.sixth = "2001:db8:13::10"

    def _leave_only_ipv6(self) -> None:
        self._lose_address()
        self._lead_nowhere_by_ipv6()

    def _remove_card(self) -> None:
        self._change(
            "station", f"link set eth0 netns {self._prefix}wire", "link set eth0 up",
            "addr add 192.168.7.20/24 dev eth0", _HOME,
        )  # fmt: skip
        self._undo("wire", f"link set eth0 netns {self._prefix}station")

    def _stop_centre(self) -> None:
        self._secure.close()
        self._faulty.callback(self._restart_centre)

    def _restart_centre(self) -> None:
        self._secure = self._serve("centre", 443, self.centre.talk, self._closing)

    def _stop_names(self) -> None:
        self.names.close()
        self._faulty.callback(self._start_names)

    def _start_names(self) -> None:
        asked = self._inside("provider", lambda: _datagrams("100.64.9.53", 53))
        self.names = NameServer(asked, _NAMES)
        self._closing.callback(self.names.close)


_SIDES = ("left", "right")
_NAMES = {CENTRE: "203.0.113.10", "tetangga.test": "198.51.100.20"}
_HOME = "route add default via 192.168.7.1"
_LINES = {
    "station": (
        "link set lo up",
        "link set eth0 up",
        "addr add 192.168.7.20/24 dev eth0",
        _HOME,
    ),
    "wire": ("link set left up", "link set right up"),
    "gateway": (
        "link set lo up",
        "link set lan up",
        "link set wan up",
        "addr add 192.168.7.1/24 dev lan",
        "addr add 100.64.0.2/30 dev wan",
        "route add default via 100.64.0.1",
    ),
    "provider": (
        "link set lo up",
        "link set line up",
        "link set pc up",
        "link set pe up",
        "addr add 100.64.0.1/30 dev line",
        "addr add 100.64.9.53/32 dev lo",
        "addr add 203.0.113.1/24 dev pc",
        "addr add 198.51.100.1/24 dev pe",
        "route add 192.168.7.0/24 via 100.64.0.2",
    ),
    "centre": (
        "link set lo up",
        "link set eth0 up",
        "addr add 203.0.113.10/24 dev eth0",
        "route add default via 203.0.113.1",
    ),
    "elsewhere": (
        "link set lo up",
        "link set eth0 up",
        "addr add 198.51.100.20/24 dev eth0",
        "route add default via 198.51.100.1",
    ),
}
_THREE_YEARS, _TWO_DAYS, _TWENTY_MINUTES = 3 * 365 * 86400.0, 2 * 86400.0, 1200.0


def _sweep() -> None:
    """Remove rooms of a test that was killed."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    for name, process in re.findall(r"(?m)^(ektp(\d+)-\d+-\w+)", listed.stdout):
        if not Path(f"/proc/{process}").exists():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _listening(port: int) -> socket.socket:
    return socket.create_server(("0.0.0.0", port), backlog=64)  # noqa: S104  # in a namespace


def _datagrams(address: str, port: int) -> socket.socket:
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind((address, port))
    return asked


def _set(part: str, **values: object) -> Callable[[Laboratory], None]:
    def change(lab: Laboratory) -> None:
        for name, value in values.items():
            setattr(getattr(lab, part), name, value)

    return change


def _both(*changes: Callable[[Laboratory], None]) -> Callable[[Laboratory], None]:
    def change(lab: Laboratory) -> None:
        for each in changes:
            each(lab)

    return change


def _order(room: str, done: str, *undone: str) -> Callable[[Laboratory], None]:
    return lambda lab: lab._change(room, done, *undone)


_BREAKS: dict[NetworkFault, Callable[[Laboratory], None]] = {
    NetworkFault.LINK_DOWN: _order("gateway", "link set lan down", "link set lan up"),
    NetworkFault.INTERFACE_OFF: _order("station", "link set eth0 down", "link set eth0 up", _HOME),
    NetworkFault.NO_INTERFACE: Laboratory._remove_card,
    NetworkFault.NO_ADDRESS: Laboratory._lose_address,
    NetworkFault.LINK_LOCAL_ONLY: Laboratory._choose_link_local,
    NetworkFault.NO_ROUTE: _order("station", "route del default", _HOME),
    NetworkFault.DUPLICATE_ADDRESS: Laboratory._bring_twin,
    NetworkFault.ONLY_IPV6: Laboratory._leave_only_ipv6,
    NetworkFault.IPV6_BROKEN: Laboratory._lead_nowhere_by_ipv6,
    NetworkFault.GATEWAY_DEAD: Laboratory._silence_gateway,
    NetworkFault.PORTAL: Laboratory._open_portal,
    NetworkFault.INTERCEPTION: Laboratory._intercept,
    NetworkFault.LINE_CUT: _set("wire", cut=True),
    NetworkFault.PROVIDER_BLACKHOLE: _order(
        "provider", "rule add iif line blackhole pref 5", "rule del pref 5"
    ),
    NetworkFault.DNS_SILENT: _set("names", mode="silent"),
    NetworkFault.DNS_REFUSES: Laboratory._stop_names,
    NetworkFault.DNS_FAILING: _set("names", mode="failing"),
    NetworkFault.DNS_LIES: _set("names", mode="198.51.100.20"),
    NetworkFault.NAME_UNKNOWN: _set("names", mode="unknown"),
    NetworkFault.CENTRE_OFF: _order(
        "centre", "link set eth0 down", "link set eth0 up", "route add default via 203.0.113.1"
    ),
    NetworkFault.CENTRE_SILENT: _order(
        "provider", "rule add to 203.0.113.10 blackhole pref 6", "rule del pref 6"
    ),
    NetworkFault.CENTRE_REFUSES: Laboratory._stop_centre,
    NetworkFault.NO_TLS: _set("centre", speaks_tls=False),
    NetworkFault.CERTIFICATE_EXPIRED: _set("centre", certificate="expired"),
    NetworkFault.CERTIFICATE_EARLY: _set("centre", certificate="early"),
    NetworkFault.CERTIFICATE_WRONG_NAME: _set("centre", certificate="wrong_name"),
    NetworkFault.CERTIFICATE_STRANGE: _set("centre", certificate="strange"),
    NetworkFault.CLOCK_WRONG: _set("centre", certificate="far", clock=_THREE_YEARS),
    NetworkFault.CLOCK_SLOW: _both(
        _set("centre", clock=_TWENTY_MINUTES), _set("time", shift=_TWENTY_MINUTES)
    ),
    NetworkFault.CENTRE_CLOCK_WRONG: _set("centre", clock=-_TWO_DAYS),
    NetworkFault.CLOCK_WRONG_BY_NTP: _both(
        _set("centre", clock=None), _set("time", shift=_TWO_DAYS)
    ),
    NetworkFault.HTTP_500: _set("centre", status=500, health=500),
    NetworkFault.HTTP_503: _set("centre", status=503, health=503),
    NetworkFault.HEALTH_BAD: _set("centre", health=503),
    NetworkFault.CENTRE_SLOW: _set("centre", wait=6.0),
    NetworkFault.LOSSY: _set("wire", loss=0.15),
    NetworkFault.SLOW_LINE: _set("wire", delay=0.4),
    NetworkFault.SMALL_MTU: _set("wire", largest=1300),
}
_LOOK = """
import pickle, sys
from ektp_hw.diagnostics.probing import run_probes
probes, around = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps(run_probes(probes, around)))
"""
