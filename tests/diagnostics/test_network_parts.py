# SPDX-License-Identifier: Apache-2.0
"""Parts of the network's probes: the kernel's tables, certificates, names, rude servers."""

import socket
import threading
import time
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.laboratory_servers import CENTRE, write_certificates
from ektp_hw.diagnostics.probes.network import PROBES, packets, speaking, tables
from ektp_hw.diagnostics.probes.network.certificate import read_certificate
from ektp_hw.diagnostics.surroundings import StationProfile, Surroundings, read_profile
from ektp_hw.diagnostics.wording import LANGUAGES, worded
from ektp_hw.errors import StationError

ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
wlan0 00000000 0107A8C0 0003 0 0 600 00000000 0 0 0
eth0 00000000 0100A8C0 0003 0 0 100 00000000 0 0 0
eth0 0000A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0
"""
TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.168.0.20
        /32 host LOCAL
     |-- 192.168.0.255
        /32 link BROADCAST
Local:
     |-- 192.168.0.20
        /32 host LOCAL
"""
ARP = """IP address       HW type     Flags       HW address            Mask     Device
192.168.0.1      0x1         0x2         02:00:00:00:00:01     *        eth0
192.168.0.7      0x1         0x0         00:00:00:00:00:00     *        eth0
"""
SOUND = {
    "sys/class/net/lo/flags": "0x9",
    "sys/class/net/docker0/flags": "0x1003",
    "sys/class/net/eth0/flags": "0x1003",
    "sys/class/net/eth0/carrier": "1",
    "sys/class/net/eth0/duplex": "full",
    "sys/class/net/eth0/carrier_changes": "2",
    "proc/net/route": ROUTES,
    "proc/net/fib_trie": TRIE,
    "proc/net/arp": ARP,
    "proc/uptime": "86400.0 1.0",
    "etc/resolv.conf": "# by hand\nnameserver 10.0.0.53\nnameserver ::1\nnameserver 10.0.0.54\n",
}
WIRELESS = "Inter-| sta-|\n face | tus |\n eth0: 0000   20.  {}.  -256  0 0 0 0 0 0\n"


@pytest.fixture
def machine(tmp_path):
    def build(**changes):
        for name, text in {**SOUND, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Surroundings(StationProfile(), tmp_path, {})

    return build


def test_the_kernels_tables(machine):
    around = machine()
    way = tables.default_route(around)
    assert (way.device, way.gateway) == ("eth0", IPv4Address("192.168.0.1"))
    assert tables.own_addresses(around) == [IPv4Address("192.168.0.20")]
    assert tables.neighbour(around, IPv4Address("192.168.0.1")) == "02:00:00:00:00:01"
    assert tables.neighbour(around, IPv4Address("192.168.0.7")) is None
    assert tables.name_servers(around) == ["10.0.0.53", "10.0.0.54"]
    assert tables.is_at_home(around, "192.168.0.99")
    assert not tables.is_at_home(around, "10.0.0.53")
    assert [each.name for each in tables.interfaces(around)] == ["eth0"]


def test_name_servers_behind_a_local_stub(machine):
    real = {"run/systemd/resolve/resolv.conf": "nameserver 10.1.1.1\n"}
    assert tables.name_servers(machine(**real)) == ["10.0.0.53", "10.0.0.54"]
    stub = {"etc/resolv.conf": "nameserver 127.0.0.53\n"}
    assert tables.name_servers(machine(**real, **stub)) == ["10.1.1.1"]


@pytest.mark.parametrize(
    ("file", "text", "key"),
    [
        ("sys/class/net/eth0/carrier", "1", "network.link_up"),
        ("sys/class/net/eth0/carrier", "0", "network.cable_out"),
        ("sys/class/net/eth0/flags", "0x1002", "network.link_up"),
        ("sys/class/net/eth0/carrier_changes", "90", "network.link_flaps"),
        ("sys/class/net/eth0/duplex", "half", "network.half_duplex"),
        ("proc/net/wireless", WIRELESS.format(-85), "network.radio_weak"),
        ("proc/net/wireless", WIRELESS.format(-60), "network.link_up"),
    ],
)
def test_the_link(machine, file, text, key):
    (found,) = PROBES[0].run(machine(**{file: text}), [])
    assert found.seen.key == key
    for language in LANGUAGES:
        assert worded(found.seen, language)


def test_a_machine_without_any_network(tmp_path):
    around = Surroundings(StationProfile(centre="https://pusat.contoh.test"), tmp_path, {})
    keys = [probe.run(around, [])[0].seen.key for probe in PROBES[:7]]
    assert keys == ["network.no_interface", "network.no_address", "network.no_wire",
                    "network.no_route", "network.nothing_to_ask", "network.nothing_to_ask",
                    "network.no_name_server"]  # fmt: skip


def test_names_in_the_hosts_file(machine):
    around = machine(**{"etc/hosts": f"127.0.0.1 localhost\n10.9.8.7 {CENTRE} # pusat\n"})
    assert speaking.addresses_of(around, CENTRE) == ["10.9.8.7"]


@pytest.mark.parametrize(
    ("text", "host", "port", "secure"),
    [
        ("https://pusat.go.id/siak", "pusat.go.id", 443, True),
        ("http://10.1.2.3", "10.1.2.3", 80, False),
        ("tetangga:8443", "tetangga", 8443, True),
    ],
)
def test_addresses_of_places(text, host, port, secure):
    place = speaking.place_of(text)
    assert (place.host, place.port, place.is_secure) == (host, port, secure)


@pytest.mark.parametrize("text", ["https://", "https://host:high", "//[::1"])
def test_what_is_no_address(text):
    assert speaking.place_of(text) is None


def test_certificates_are_read(tmp_path):
    pytest.importorskip("cryptography")
    import ssl

    write_certificates(tmp_path)
    text = (tmp_path / "expired.pem").read_text()
    der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])
    certificate = read_certificate(der)
    assert certificate.issuer == "Laboratory"
    assert certificate.names[0] == CENTRE
    assert certificate.begins < certificate.ends < time.time()
    with pytest.raises(ValueError, match=r"."):
        read_certificate(der[:100])


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_an_error_and_no_crash(der):
    with pytest.raises(ValueError, match=r"."):
        read_certificate(der)


@given(st.binary(max_size=80))
def test_any_answer_of_a_name_server_is_understood_or_failing(answer):
    state, addresses = packets._addresses(answer, 12)
    assert state in {"found", "unknown", "failing", "refused"}
    assert bool(addresses) == (state == "found")


@pytest.fixture
def rude():
    """A server on loopback that says what it is told to, slowly if told so."""
    servers = []

    def start(said, pause=0.0):
        listening = socket.create_server(("127.0.0.1", 0))
        servers.append(listening)

        def serve():
            caller, _ = listening.accept()
            with caller:
                caller.recv(4096)
                for part in said:
                    try:
                        caller.sendall(part)
                    except OSError:
                        return
                    time.sleep(pause)

        threading.Thread(target=serve, daemon=True).start()
        return speaking.place_of(f"http://127.0.0.1:{listening.getsockname()[1]}")

    yield start
    for each in servers:
        each.close()


@pytest.mark.parametrize(
    ("said", "status", "size"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"], 200, 3),
        ([b"HTTP/1.1 503\r\nContent-Length: \xb2\r\n\r\n"], 503, 0),
        ([b"SSH-2.0-x\r\n"], 0, 0),
        (
            [b"HTTP/1.0 200 OK\r\nContent-Length: 999999999999999\r\n\r\n" + b"x" * 90000],
            200,
            50000,
        ),
        ([b"\0" * 40000], 0, 0),
    ],
)
def test_whatever_a_server_says_is_a_reply(rude, said, status, size):
    reply = speaking.ask(Surroundings(environment={}), rude(said), "/", timeout=5, limit=50000)
    assert reply.status == status
    assert reply.size >= size


def test_a_server_that_dribbles_is_given_up_in_time(rude):
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        speaking.ask(Surroundings(environment={}), rude([b"H"] * 60, 0.1), "/", timeout=0.5)
    assert time.monotonic() - begun < 4


def test_a_server_that_hangs_up(rude):
    with pytest.raises(ConnectionError):
        speaking.ask(Surroundings(environment={}), rude([]), "/", timeout=5)


def test_the_profile_names_what_may_be_asked(tmp_path):
    path = tmp_path / "station.toml"
    path.write_text(
        'health = "/sehat"\nauthorities = "/etc/ca.pem"\nreference_hosts = ["a.id:80"]\n'
    )
    profile = read_profile(path)
    assert (profile.health, profile.reference_hosts) == ("/sehat", ("a.id:80",))
    assert str(profile.authorities) == "/etc/ca.pem"
    path.write_text("reference_hosts = [7]\n")
    with pytest.raises(StationError, match="reference_hosts"):
        read_profile(path)
