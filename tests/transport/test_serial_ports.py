# SPDX-License-Identifier: Apache-2.0
"""Ports are listed with the ids of their adapters, and nothing is opened or guessed."""

import pytest

from ektp_hw.errors import DeviceNotFound
from ektp_hw.transport import serial_ports
from ektp_hw.transport.serial_ports import locate, udev_rule
from mock_kernel import Machine, missing, talk

needs_mock_kernel = pytest.mark.skipif(bool(missing()), reason=missing())
CP2102 = (0x10C4, 0xEA60, {"product": "CP2102 USB to UART", "serial": "0001"})
CH340 = (0x1A86, 0x7523, {"product": "USB Serial"})
BY_ID = "usb-Silicon_Labs_CP2102_USB_to_UART_0001-if00-port0"


@pytest.mark.parametrize(
    ("uri", "path", "baud", "driver"),
    [
        ("serial:/dev/ttyUSB0", "/dev/ttyUSB0", None, None),
        ("serial:COM3?baud=9600", "COM3", 9600, None),
        ("serial:/dev/ektp/zfm?driver=zfm&baud=115200", "/dev/ektp/zfm", 115200, "zfm"),
    ],
)
def test_addresses(uri, path, baud, driver):
    place = locate(uri)
    assert (place.path, place.baud, place.driver) == (path, baud, driver)


def test_other_options_are_handed_on():
    assert locate("serial:/dev/ttyUSB0?password=ab&baud=9600").options == {"password": "ab"}


@pytest.mark.parametrize(
    "uri",
    ["serial:", "usb:1234:5678", "serial:?baud=9600", "serial:/dev/a?baud=", "serial:/dev/a?baud=0",
     "serial:/dev/a?baud=-1", "serial:/dev/a?baud=12345678", "serial:/dev/a\0b"],
)  # fmt: skip
def test_what_is_no_address(uri):
    with pytest.raises(DeviceNotFound, match="looks like serial:/dev/ttyUSB0"):
        locate(uri)


def test_the_udev_rule_names_adapter_rights_and_link():
    rule = udev_rule(0x10C4, 0xEA60, "0001", "zfm")
    assert rule.startswith('SUBSYSTEM=="tty", ATTRS{idVendor}=="10c4", ATTRS{idProduct}=="ea60"')
    for part in ('ATTRS{serial}=="0001"', 'TAG+="uaccess"', 'SYMLINK+="ektp/zfm"'):
        assert part in rule
    assert "SYMLINK" not in udev_rule(0x1A86, 0x7523)
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in udev_rule(0x1A86, 0x7523)


def test_the_rule_of_a_port_of_the_board_names_the_node():
    assert serial_ports.rule_for("/dev/ttyS77").startswith('KERNEL=="ttyS77"')


@pytest.fixture
def machine():
    with Machine() as one:
        yield one


def plug_adapter(machine, number, adapter, *, node="/dev/null"):
    """Plug an adapter in, with its port as the kernel's usb-serial drivers show it."""
    name = f"ttyUSB{number}"
    vendor, product, texts = adapter
    texts = {"bNumInterfaces": 1, **texts}
    _, interface = machine.describe_taken(f"1-{number + 1}", 0, vendor, product, texts)
    place = f"{interface}/{name}"
    machine.describe(place, "sys/bus/usb-serial", {"DEVNAME": name}, {})
    machine.link(f"sys/class/tty/{name}/device", place)
    (machine.root / "dev" / name).symlink_to(node)


def name_port(machine, link, number):
    machine.link(f"dev/{link}", f"dev/ttyUSB{number}")


@needs_mock_kernel
def test_ports_are_listed_with_ids_and_lasting_names(machine):
    plug_adapter(machine, 0, CP2102, node="/dev/zero")
    plug_adapter(machine, 1, CH340)
    name_port(machine, f"serial/by-id/{BY_ID}", 0)
    told = talk(
        machine,
        "from ektp_hw.transport.serial_ports import ports\n"
        "for port in ports():\n"
        "    tell([port.uri, port.node, port.title, port.vendor_id, port.product_id, port.serial])",
    )
    assert [one.value for one in told] == [
        [f"serial:/dev/serial/by-id/{BY_ID}", "/dev/ttyUSB0", "CP2102 USB to UART", 0x10C4, 0xEA60,
         "0001"],
        ["serial:/dev/ttyUSB1", "/dev/ttyUSB1", "USB Serial", 0x1A86, 0x7523, ""],
    ]  # fmt: skip


def test_an_adapter_pulled_while_ports_are_listed(monkeypatch):
    asked = []

    def vanishing():
        asked.append(1)
        if len(asked) == 1:
            raise TypeError("int() argument must be a string, not 'NoneType'")
        return []

    monkeypatch.setattr("serial.tools.list_ports.comports", vanishing)
    assert serial_ports.ports() == []
    assert len(asked) == 2


@needs_mock_kernel
def test_an_adapter_nobody_named_is_nobodys_device(machine):
    plug_adapter(machine, 0, CP2102)
    name_port(machine, f"serial/by-id/{BY_ID}", 0)
    told = talk(machine, "tell([i.uri for i in hw.discover() if i.uri.startswith('serial:')])")
    assert told[0].value == []


@needs_mock_kernel
def test_a_named_adapter_is_found_under_its_name(machine):
    plug_adapter(machine, 0, CH340)
    plug_adapter(machine, 1, CP2102, node="/dev/zero")
    name_port(machine, "ektp/zfm-left", 0)
    name_port(machine, "ektp/zfmx", 1)
    told = talk(
        machine,
        "for info in hw.discover('fingerprint'):\n"
        "    if info.driver == 'zfm':\n"
        "        tell([info.uri, info.name, info.vendor_id, info.product_id])\n",
    )
    uri, name = "serial:/dev/ektp/zfm-left?driver=zfm", "fingerprint module on USB Serial"
    assert [one.value for one in told] == [[uri, f"ZFM/R30x/R503 {name}", 0x1A86, 0x7523]]


@needs_mock_kernel
def test_an_adapter_whose_maker_named_it_is_found(machine):
    plug_adapter(machine, 0, (0x1A86, 0x55D3, {"product": "R503 fingerprint"}))
    name_port(machine, "serial/by-id/usb-Grow_R503_fingerprint-if00", 0)
    told = talk(machine, "tell([i.uri for i in hw.discover() if i.driver == 'zfm'])")
    assert told[0].value == ["serial:/dev/serial/by-id/usb-Grow_R503_fingerprint-if00?driver=zfm"]
