# SPDX-License-Identifier: Apache-2.0
"""A serial line through pySerial and a real tty: bounded waits, one holder, typed errors."""

import errno
import threading
import time

import pytest
import serial as pyserial

from ektp_hw.errors import (
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport import serial
from ektp_hw.virtual.serial_line import SerialFunction, SerialLine


class Echo(SerialFunction):
    def on_bytes(self, data):
        self.send(data)


@pytest.fixture
def module():
    return Echo(57600, speed=1000)


@pytest.fixture
def line(module):
    one = SerialLine(module)
    yield one
    one.close()


@pytest.fixture
def port(line):
    with serial.connect(f"serial:{line.path}") as one:
        yield one


def read(port, length):
    content = b""
    end = time.monotonic() + 5
    while len(content) < length and time.monotonic() < end:
        content += port.read(length - len(content), 0.2)
    return content


def test_what_is_sent_comes_back(port):
    port.write(b"\x00\x03\x0a\x0d\x11\x13\x7f\xff" * 100)
    assert read(port, 800) == b"\x00\x03\x0a\x0d\x11\x13\x7f\xff" * 100


def test_a_read_returns_what_is_there_without_waiting_for_more(port):
    port.write(b"abc")
    begun = time.monotonic()
    first = port.read(100, 10.0)
    assert first
    assert b"abc".startswith(first)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("timeout", [0.001, 0.1])
def test_a_read_ends_in_time(port, timeout):
    begun = time.monotonic()
    assert port.read(1, timeout) == b""
    assert timeout <= time.monotonic() - begun + 0.002 < timeout + 0.5


def test_a_read_is_cancelled_from_another_thread(port):
    threading.Timer(0.1, port.cancel_read).start()
    begun = time.monotonic()
    assert port.read(1, 30.0) == b""
    assert time.monotonic() - begun < 5
    port.write(b"x")
    assert read(port, 1) == b"x"


def test_old_bytes_are_thrown_away(port, module):
    module.send(b"old")
    assert read(port, 1) == b"o"
    time.sleep(0.05)
    port.discard()
    port.write(b"new")
    assert read(port, 3) == b"new"


def test_speeds_must_agree(port, module):
    port.set_baud(9600)
    port.write(b"hello")
    assert read(port, 5) != b"hello"
    module.baud = 9600
    port.write(b"hello")
    assert read(port, 5) == b"hello"


def test_the_address_names_the_speed(line, module):
    module.baud = 115200
    with serial.connect(f"serial:{line.path}?baud=115200", baud=9600) as port:
        port.write(b"hello")
        assert read(port, 5) == b"hello"


def test_modem_lines_are_no_must(port):
    assert port.set_lines(dtr=True, rts=False) is False  # a pseudo terminal has none
    assert port.set_lines() is True


def test_a_second_holder_is_refused_and_the_first_undisturbed(line, port):
    with pytest.raises(DeviceBusy, match="hold"):
        serial.connect(f"serial:{line.path}?baud=9600")
    port.write(b"mine")
    assert read(port, 4) == b"mine"
    port.close()
    serial.connect(f"serial:{line.path}").close()


@pytest.mark.parametrize(
    "use",
    [
        lambda port: read(port, 1),
        lambda port: port.write(b"x"),
        lambda port: port.discard(),
        lambda port: port.set_baud(9600),
        lambda port: port.probe(),
    ],
)
def test_unplugging_is_told_by_whatever_comes_next(line, port, use):
    line.hang_up()
    line._join()
    with pytest.raises(DeviceRemoved, match="plug the adapter in"):
        use(port)
    port.close()
    line.plug_in()
    with serial.connect(f"serial:{line.path}") as again:
        again.write(b"back")
        assert read(again, 4) == b"back"


def test_a_port_that_is_there_gives_a_sign_of_life(port):
    port.probe()


def test_unplugging_ends_a_read_that_waits(line, port):
    threading.Timer(0.1, line.hang_up).start()
    begun = time.monotonic()
    with pytest.raises(DeviceRemoved):
        port.read(1, 30.0)
    assert time.monotonic() - begun < 0.6


def test_a_closed_port_says_so(port):
    port.close()
    port.close()
    port.cancel_read()
    with pytest.raises(DeviceError, match="closed"):
        port.read(1, 0.1)


@pytest.mark.parametrize("path", ["/dev/ttyNONE", "/dev/ttyNONE/0", "/tmp", "/etc/hosts"])  # noqa: S108
def test_what_is_no_port(path):
    with pytest.raises(DeviceNotFound):
        serial.connect(f"serial:{path}")


def test_a_device_that_is_no_port():
    with pytest.raises(DeviceUnavailable, match="cannot be set up"):
        serial.connect("serial:/dev/null")


def test_there_are_three_parities(line):
    serial.connect(f"serial:{line.path}", parity="odd").close()
    with pytest.raises(ValueError, match="mark"):
        serial.connect(f"serial:{line.path}", parity="mark")


def refused(monkeypatch, number):
    def refuse(self):
        raise pyserial.SerialException(number, f"could not open port {self.port}")

    monkeypatch.setattr(pyserial.Serial, "open", refuse)


def test_no_permission_names_group_and_rule(monkeypatch):
    refused(monkeypatch, errno.EACCES)
    with pytest.raises(DeviceUnavailable, match="group dialout") as caught:
        serial.connect("serial:/dev/ttyUSB0")
    assert caught.value.reason is UnavailableReason.NOT_PERMITTED
    assert 'KERNEL=="ttyUSB0", MODE="0660", TAG+="uaccess"' in str(caught.value)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EBUSY, DeviceBusy), (errno.ENXIO, DeviceNotFound), (errno.EIO, DeviceRemoved)],
)
def test_what_the_system_says_is_translated(monkeypatch, number, kind):
    refused(monkeypatch, number)
    with pytest.raises(kind):
        serial.connect("serial:/dev/ttyUSB0")


def test_a_line_that_takes_nothing(port, monkeypatch):
    def full(*_):
        raise pyserial.SerialTimeoutException("Write timeout")

    monkeypatch.setattr(pyserial.Serial, "write", full)
    with pytest.raises(ProtocolError, match="flow control"):
        port.write(b"x")


def test_an_impossible_speed(port, monkeypatch):
    def reconfigure(*_, **__):
        raise ValueError("Failed to set custom baud rate")

    monkeypatch.setattr(pyserial.Serial, "_reconfigure_port", reconfigure)
    with pytest.raises(DeviceUnavailable, match="cannot run at 123 baud"):
        port.set_baud(123)


def test_the_log_holds_neither_content_nor_password(line, caplog):
    with (
        caplog.at_level(1, "ektp_hw"),
        serial.connect(f"serial:{line.path}?password=secret") as port,
    ):
        port.write(b"finger")
        read(port, 6)
    assert "write, 6 bytes" in caplog.text
    assert "finger" not in caplog.text
    assert "secret" not in caplog.text
