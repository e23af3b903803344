# SPDX-License-Identifier: Apache-2.0
import errno
import fcntl
import os
import threading

import pytest

from ektp_hw.errors import (
    DeviceBusy,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
)
from ektp_hw.transport.node import KernelNode, request_number
from pad_bench import within


@pytest.fixture
def queue(tmp_path):
    """A FIFO in packet mode, as good as a node that one writes reports into."""
    path = tmp_path / "node"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK | os.O_DIRECT)
    yield path, writer
    os.close(writer)


@pytest.fixture
def node(queue):
    with KernelNode(str(queue[0]), "hidraw:/dev/x") as one:
        yield one


def test_request_numbers_are_those_of_the_headers():
    assert request_number(2, "H", 1, 4) == 0x80044801  # HIDIOCGRDESCSIZE
    assert request_number(3, "H", 7, 5) == 0xC0054807  # HIDIOCGFEATURE(5)
    assert request_number(1, "E", 0x90, 4) == 0x40044590  # EVIOCGRAB


def test_one_read_is_one_report(queue, node):
    assert within(1.0, lambda: node.read(64, 0.05)) == b""
    os.write(queue[1], b"first")
    os.write(queue[1], b"second")
    assert node.read(64, 1.0) == b"first"
    assert node.read(64, 1.0) == b"second"


def test_what_the_system_says_in_our_words(node, monkeypatch):
    def failing(number):
        def ioctl(*_):
            raise OSError(number, os.strerror(number))

        return ioctl

    wanted = {
        errno.EPIPE: ProtocolError, errno.ENODEV: DeviceRemoved, errno.EBUSY: DeviceBusy,
        errno.EIO: ProtocolError,
    }  # fmt: skip
    for number, kind in wanted.items():
        monkeypatch.setattr(fcntl, "ioctl", failing(number))
        with pytest.raises(kind, match=r"hidraw:/dev/x: .*(;|close|plug)"):
            node.request(0x1234, bytearray(4))
    monkeypatch.setattr(os, "read", failing(errno.EIO))
    monkeypatch.setattr(node, "_poll", type("Poll", (), {"poll": lambda *_: [1]})())
    with pytest.raises(DeviceRemoved):
        node.read(64, 0.1)


def test_a_dead_device_holds_nobody(node, monkeypatch):
    answered = threading.Event()

    def ioctl(*_):
        answered.wait(10)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    for _ in range(2):
        with pytest.raises(ProtocolError, match="does not answer"):
            within(1.0, lambda: node.request(0x1234, bytearray(4), 0.05))
    fd = node._fd
    node.close()
    assert os.fstat(fd)  # still in use inside the kernel
    answered.set()
    node._running.join(5)
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(5)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_opening_what_is_not_there_or_not_ours(tmp_path, queue, node, monkeypatch):
    with pytest.raises(DeviceNotFound):
        KernelNode(str(tmp_path / "nothing"), "hidraw:/dev/y")
    with pytest.raises(DeviceBusy):
        KernelNode(str(queue[0]), "hidraw:/dev/x")
    del node

    def refuse(*_):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DeviceUnavailable, match=r"udev.*the rule"):
        KernelNode(str(queue[0]), "hidraw:/dev/x", rule="the rule")
