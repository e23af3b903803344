# SPDX-License-Identifier: Apache-2.0
"""Another device with our address, IPv6 that leads nowhere, and clocks of time servers."""

import socket
import struct
import threading

import pytest

from diagnostics.laboratory_servers import TimeServer
from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.probes import computer
from ektp_hw.diagnostics.probes.network import PROBES, ipv6, time_servers, twin
from ektp_hw.diagnostics.probes.network.speaking import Place
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings
from fake_machine import FakeMachine

SOUND = {
    "sys/class/net/eth0/type": "1",
    "sys/class/net/eth0/address": "02:00:00:00:00:20",
    "sys/class/net/wlan0/address": "02:00:00:00:00:21",
    "proc/net/route": "Iface\neth0 0000A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0\n",
    "proc/net/fib_trie": "     |-- 192.168.0.20\n        /32 host LOCAL\n",
}
OTHER, OURS = bytes.fromhex("3c970e123456"), bytes.fromhex("020000000021")
V6 = "20010db8000700000000000000000020 02 40 00 80     eth0\n"
LINK_LOCAL = "fe80000000000000000000000000beef 02 40 20 80     eth0\n"
LOOPBACK = "00000000000000000000000000000001 01 80 10 80       lo\n"


@pytest.fixture
def machine(tmp_path):
    files = FakeMachine(tmp_path)

    def build(**changes):
        for name, text in {**SOUND, **changes}.items():
            files.write(name, text)
        return Surroundings(StationProfile(centre="https://pusat.test/"), root=tmp_path)

    return build


def look(around, name, probes=PROBES):
    (probe,) = [each for each in probes if each.name == name]
    return probe.run(around, [])[0]


@pytest.mark.parametrize(
    ("answer", "key"), [([], "address_once"), ([OURS], "address_once"), ([OTHER], "address_twice")]
)
def test_only_a_stranger_s_card_is_a_twin(machine, monkeypatch, answer, key):
    asked = []
    monkeypatch.setattr(twin, "_who_has", lambda *asking: asked.append(asking) or answer)
    found = look(machine(), "network.duplicate")
    assert found.seen.key == f"network.{key}"
    assert [(device, str(address)) for device, address, _ in asked] == [("eth0", "192.168.0.20")]
    if key == "address_twice":
        assert found.cause is Cause.LOCAL_NETWORK
        assert found.evidence["maker_of_card"] == "3c:97:0e", "no more than who made it"


def test_an_ordinary_user_may_not_ask(machine, monkeypatch):
    def refuse(*_which):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    found = look(machine(), "network.duplicate")
    assert (found.seen.key, found.outcome) == ("network.only_root_asks", Outcome.UNTESTED)


@pytest.mark.parametrize("changes", [{"sys/class/net/eth0/type": "512"}, {"proc/net/route": "x\n"}])
def test_a_line_without_neighbours_has_no_twin(machine, changes):
    assert look(machine(**changes), "network.duplicate").seen.key == "network.no_wire"


def test_arp_is_written_as_it_is_read():
    frame = twin.arp_frame(2, OTHER, b"\xc0\xa8\0\x14", OURS, b"\xc0\xa8\0\1")
    assert twin.read_arp(frame + bytes(18)) == (2, OTHER, b"\xc0\xa8\0\x14", b"\xc0\xa8\0\1")
    assert twin.read_arp(frame[:40]) is None
    assert twin.read_arp(frame[:12] + b"\x08\x00" + frame[14:]) is None


@pytest.mark.parametrize(
    ("addresses", "state", "key"),
    [
        (LOOPBACK + LINK_LOCAL, "silent", "ipv6_unused"),
        (V6, "open", "ipv6_works"),
        (V6, "refused", "ipv6_works"),
        (V6, "no address", "ipv6_unused"),
        (V6, "no way", "ipv6_unused"),
        (V6, "silent", "ipv6_leads_nowhere"),
        (V6, "unreachable", "ipv6_leads_nowhere"),
    ],
)
def test_ipv6_beside_ipv4(machine, monkeypatch, addresses, state, key):
    monkeypatch.setattr(ipv6, "knock_by_ipv6", lambda _place: state)
    around = machine(**{"proc/net/if_inet6": addresses})
    assert look(around, "network.ipv6").seen.key == f"network.{key}"


@pytest.mark.parametrize(
    ("state", "key"),
    [("open", "only_v6"), ("silent", "only_v6_no_way"), ("no way", "only_v6_no_way")],
)
def test_ipv6_alone(machine, monkeypatch, state, key):
    monkeypatch.setattr("ektp_hw.diagnostics.probes.network.line.knock_by_ipv6", lambda _: state)
    around = machine(**{"proc/net/if_inet6": V6, "proc/net/fib_trie": ""})
    assert look(around, "network.address").seen.key == f"network.{key}"


def test_knocking_by_ipv6(monkeypatch):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    told = [(0, 0, 0, "", ("::1", 0, 0, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_which: told)
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listening:
        place = Place("pusat.test", listening.getsockname()[1])
        assert ipv6.knock_by_ipv6(place) == "open"
    assert ipv6.knock_by_ipv6(place) == "refused"
    told.clear()
    assert ipv6.knock_by_ipv6(place) == "no address"


def test_a_resolver_that_never_answers_is_not_waited_for(monkeypatch):
    hold = threading.Event()
    monkeypatch.setattr(ipv6, "_RESOLVER_S", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_which: (hold.wait(20), [])[1])
    assert ipv6.knock_by_ipv6(Place("pusat.test", 443)) == "no address"
    hold.set()


def test_time_servers_are_those_the_system_asks(machine):
    around = machine(
        **{
            "etc/systemd/timesyncd.conf": "[Time]\n#NTP=x.test\nNTP=a.test b.test\n",
            "etc/chrony/chrony.conf": "pool c.test iburst\nserver a.test\nmakestep 1 3\n",
            "etc/ntp.conf": "server d.test\n",
        }
    )
    assert time_servers.time_servers(around) == ["a.test", "b.test", "c.test"]
    assert time_servers.time_servers(Surroundings(root=around.root / "none")) == []


@pytest.fixture
def clock(monkeypatch, machine):
    """A time server here, which the machine is set to ask; the centre tells no time."""
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind(("127.0.0.1", 0))
    monkeypatch.setattr(time_servers, "_PORT", asked.getsockname()[1])
    monkeypatch.setattr(computer, "_difference", lambda *_where: None)
    server = TimeServer(asked)
    server.around = machine(**{"etc/systemd/timesyncd.conf": "NTP=127.0.0.1\n"})
    yield server
    server.close()


@pytest.mark.parametrize(
    ("shift", "key"),
    [
        (0.0, "ntp_agrees"),
        (250.0, "ntp_agrees"),
        (-1200.0, "ntp_drifts"),
        (2 * 86400.0, "ntp_wrong"),
        (-20 * 365 * 86400.0, "ntp_wrong"),
        (20 * 365 * 86400.0, "ntp_wrong"),  # beyond 2036, where the count begins anew
    ],
)
def test_the_clock_by_a_time_server(clock, shift, key):
    clock.shift = shift
    found = look(clock.around, "computer.drift", computer.PROBES)
    assert found.seen.key == f"computer.{key}"
    assert found.evidence["seconds_behind_ntp"] == pytest.approx(shift, abs=3)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        bytes(48),
        b"\x24\x02" + bytes(46),  # not to our question
        b"\x24\x00" + bytes(22) + b"question" + bytes(16),  # no time itself: a kiss of death
        b"\xe4\x02" + bytes(22) + b"question" + bytes(16),  # its clock is not set
        b"\x23\x02" + bytes(22) + b"question" + bytes(16),  # a question
    ],
)
def test_what_is_no_time_counts_for_nothing(answer):
    assert time_servers._offset(answer, b"question", 0.0, 0.0) is None


def test_the_time_on_the_way_is_taken_out():
    stamp = struct.pack("!II", 2_208_988_800 + 1010, 0)
    answer = b"\x24\x02" + bytes(22) + b"question" + stamp + stamp
    assert time_servers._offset(answer, b"question", 999.0, 1001.0) == 10.0
