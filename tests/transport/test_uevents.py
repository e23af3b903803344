# SPDX-License-Identifier: Apache-2.0
"""The kernel's and udev's messages on devices, read from their bytes."""

import errno
import socket
import struct

import pytest

from ektp_hw.errors import DeviceUnavailable
from ektp_hw.transport import uevents
from ektp_hw.transport.uevents import Uevent, Uevents, parse

PLUGGED = (
    b"add@/devices/pci0000:00/0000:00:14.0/usb1/1-4\0ACTION=add\0"
    b"DEVPATH=/devices/pci0000:00/0000:00:14.0/usb1/1-4\0SUBSYSTEM=usb\0"
    b"DEVTYPE=usb_device\0DEVNAME=bus/usb/001/004\0SEQNUM=1\0"
)
NODE = b"ACTION=remove\0DEVPATH=/devices/x/tty/ttyUSB0\0SUBSYSTEM=tty\0DEVNAME=/dev/ttyUSB0\0"


def of_udev(properties):
    head = struct.pack("=8sIIII", b"libudev\0", 0xCEFAEDFE, 40, 40, len(properties))
    return head.ljust(40, b"\0") + properties


def test_a_kernels_message():
    assert parse(PLUGGED) == Uevent("add", ("/dev/bus/usb/001/004", "@1-4"), from_udev=False)


def test_a_message_of_udev():
    assert parse(of_udev(NODE)) == Uevent("remove", ("/dev/ttyUSB0",), from_udev=True)


@pytest.mark.parametrize(
    "message",
    [b"", b"add@/x", b"libudev\0", b"ACTION=add\0", b"\xff" * 50, of_udev(NODE)[:40]],
    ids=["empty", "head only", "cut", "no path", "noise", "no list"],
)
def test_what_is_no_message(message):
    assert parse(message) is None


class Netlink:
    """A socket that this process may write to as if it were the kernel."""

    def __init__(self):
        self.inner, self.kernel = socket.socketpair(type=socket.SOCK_DGRAM)
        self.lost = 0

    def bind(self, address):
        assert address == (0, 3)

    def recv(self, length):
        if self.lost:
            self.lost -= 1
            raise OSError(errno.ENOBUFS, "No buffer space available")
        return self.inner.recv(length)

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.fixture
def netlink(monkeypatch):
    one = Netlink()
    monkeypatch.setattr(uevents.socket, "socket", lambda *_: one)
    yield one
    one.kernel.close()


def test_messages_are_heard_in_order_and_silence_ends_in_time(netlink):
    with Uevents() as ear:
        assert ear.wait(0.01) == []
        netlink.kernel.send(PLUGGED)
        netlink.kernel.send(b"noise")
        netlink.kernel.send(NODE)
        assert [event.action for event in ear.wait(5)] == ["add", "remove"]


def test_lost_messages_are_a_reason_to_look(netlink):
    with Uevents() as ear:
        netlink.lost = 1
        netlink.kernel.send(PLUGGED)
        assert [event.action for event in ear.wait(5)] == ["", "add"]


def test_a_closed_socket_is_a_typed_error(netlink):
    del netlink
    ear = Uevents()
    ear.close()
    with pytest.raises(DeviceUnavailable, match="looked for"):
        ear.wait(0.01)


def test_a_system_without_netlink_is_a_typed_error(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(uevents.socket, "socket", refuse)
    with pytest.raises(DeviceUnavailable, match="not supported"):
        Uevents()


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="a socket of Linux")
def test_the_real_socket_opens_and_is_silent_or_speaks():
    with Uevents() as ear:
        assert ear.fileno() >= 0
        assert isinstance(ear.wait(0.01), list)
