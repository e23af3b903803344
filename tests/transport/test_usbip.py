# SPDX-License-Identifier: Apache-2.0
"""The USB/IP back end of pyusb against our server, over a real socket."""

import errno
import socket
import threading
import time

import pytest
import usb.core
import usb.util

from ektp_hw.transport import usbip_wire as wire
from ektp_hw.transport.usbip import UsbipBackend
from ektp_hw.transport.usbip_link import Link
from ektp_hw.virtual.usb_function import Endpoint, Interface, Stall, UsbFunction
from ektp_hw.virtual.usbip_server import UsbipServer


class Echo(UsbFunction):
    """Gives back what it was sent, reversed; keeps a register file behind vendor requests."""

    vendor_id, product_id = 0x1209, 0x0001
    product = "Echo"
    interfaces = (Interface((Endpoint(0x81), Endpoint(0x02))),)

    def __init__(self):
        super().__init__("E-1")
        self.registers = bytearray(64)
        self.queue = []
        self.resets = 0
        self.partial = b""

    def on_control(self, setup, data):
        if (setup.request_type, setup.request) == (0x40, 4):
            self.registers[setup.value : setup.value + len(data)] = data
            return b""
        if (setup.request_type, setup.request) == (0xC0, 4):
            return bytes(self.registers[setup.value :])
        raise Stall

    def on_out(self, endpoint, data):
        assert endpoint == 2
        if data == b"stall":
            raise Stall
        self.queue.append(data[::-1])

    def on_in(self, endpoint, length):
        assert endpoint == 0x81
        return self.queue.pop(0)[:length] if self.queue else None

    def on_unlink(self, endpoint, length):
        del endpoint, length
        partial, self.partial = self.partial, b""
        return partial

    def on_reset(self):
        self.resets += 1


@pytest.fixture
def server():
    one = UsbipServer()
    yield one
    one.close()


@pytest.fixture
def echo(server):
    model = Echo()
    server.plug(model)
    return model


@pytest.fixture
def device(server, echo):
    del echo
    one = usb.core.find(idVendor=0x1209, backend=UsbipBackend(server.host, server.port))
    one.set_configuration()
    yield one
    usb.util.dispose_resources(one)


def test_descriptors_and_strings(device):
    assert (device.idVendor, device.idProduct, device.bus) == (0x1209, 1, 1)
    assert (device.manufacturer, device.product, device.serial_number) == ("ektp_hw", "Echo", "E-1")
    ends = [end.bEndpointAddress for end in device.get_active_configuration()[(0, 0)]]
    assert ends == [0x81, 0x02]
    assert "ENDPOINT 0x81" in str(device)


def test_control_transfers(device):
    assert device.ctrl_transfer(0x40, 4, 8, 0, b"\x01\x02") == 2
    assert bytes(device.ctrl_transfer(0xC0, 4, 8, 0, 4)) == b"\x01\x02\0\0"


def test_a_stall_is_a_broken_pipe(device):
    with pytest.raises(usb.core.USBError) as caught:
        device.ctrl_transfer(0xC0, 99, 0, 0, 4)
    assert caught.value.errno == errno.EPIPE
    with pytest.raises(usb.core.USBError) as caught:
        device.write(2, b"stall")
    assert caught.value.errno == errno.EPIPE
    device.clear_halt(2)
    assert device.write(2, b"fine") == 4


def test_a_megabyte_there_and_back(device):
    data = bytes(range(256)) * 4096
    assert device.write(2, data) == len(data)
    assert bytes(device.read(0x81, len(data))) == data[::-1]


def test_a_time_limit_is_exact_and_the_link_stays_usable(device):
    for limit in (0.03, 0.2):
        begun = time.monotonic()
        with pytest.raises(usb.core.USBTimeoutError) as caught:
            device.read(0x81, 64, round(limit * 1000))
        assert limit <= time.monotonic() - begun < limit + 0.2
        assert caught.value.errno == errno.ETIMEDOUT
    device.write(2, b"abc")
    assert bytes(device.read(0x81, 64, 1000)) == b"cba"


def test_what_came_before_the_time_limit_is_not_lost(device, echo):
    echo.partial = b"half"
    assert bytes(device.read(0x81, 64, 30)) == b"half"


def test_what_a_busy_server_sends_after_the_time_limit_is_read_next(device, echo):
    with echo.lock:  # the server cannot ask the model, nor answer that it takes the transfer back
        echo.queue += [b"first", b"second"]
        for _ in range(2):
            with pytest.raises(usb.core.USBTimeoutError):
                device.read(0x81, 64, 30)
    assert bytes(device.read(0x81, 2, 5000)) == b"fi"
    assert bytes(device.read(0x81, 64, 5000)) == b"rst"
    assert bytes(device.read(0x81, 64, 5000)) == b"second"
    with pytest.raises(usb.core.USBTimeoutError):
        device.read(0x81, 64, 30)


def test_a_reset_forgets_what_was_late(device, echo):
    with echo.lock:
        echo.queue.append(b"old")
        with pytest.raises(usb.core.USBTimeoutError):
            device.read(0x81, 64, 30)
    device.set_configuration()
    device.write(2, b"wen")
    assert bytes(device.read(0x81, 64, 5000)) == b"new"


def test_a_server_that_goes_in_the_middle_of_an_answer_ends_the_wait():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            sock, _ = listener.accept()
            with sock:
                sock.recv(64)
                record = wire.Exported("1-1", 1, 2, 3, 0x1B55, 1, 1, (0, 0, 0), 1, 1, 1)
                head = wire.OPERATION.pack(wire.VERSION, wire.OP_REPLY_OF[wire.OP_IMPORT], 0)
                sock.sendall(head + record.to_bytes())
                sock.recv(64)
                sock.sendall(wire.submitted(1, 0, 64, b"half"))

        thread = threading.Thread(target=serve)
        thread.start()
        with Link(*listener.getsockname(), "1-1") as link:
            status, _, _ = link.transfer(1, is_in=True, length=64, timeout=None)
        assert status == wire.STATUS["gone"]
        thread.join()


def test_data_that_comes_late_ends_the_wait(device, echo):
    def later():
        with echo.lock:
            echo.queue.append(b"late")
        echo.wake()

    timer = threading.Timer(0.05, later)
    timer.start()
    begun = time.monotonic()
    assert bytes(device.read(0x81, 64, 5000)) == b"late"
    assert time.monotonic() - begun < 0.5
    timer.join()


def test_transfers_of_two_threads_do_not_wait_for_each_other(device):
    failed = []

    def read():
        try:
            device.read(0x81, 64, 400)
        except usb.core.USBTimeoutError as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    begun = time.monotonic()
    for _ in range(20):
        device.ctrl_transfer(0xC0, 4, 0, 0, 4)
    assert time.monotonic() - begun < 0.3
    thread.join()
    assert len(failed) == 1


def test_pulling_the_cable_ends_a_wait_at_once(device, echo):
    timer = threading.Timer(0.05, echo.unplug)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(usb.core.USBError) as caught:
        device.read(0x81, 64, 5000)
    assert caught.value.errno == errno.ENODEV
    assert time.monotonic() - begun < 0.25
    timer.join()
    with pytest.raises(usb.core.USBError) as caught:
        device.ctrl_transfer(0xC0, 4, 0, 0, 4)
    assert caught.value.errno == errno.ENODEV


def test_a_device_has_one_client_and_is_reset_when_it_leaves(server, echo, device):
    other = UsbipBackend(server.host, server.port)
    remote = next(other.enumerate_devices())
    with pytest.raises(usb.core.USBError) as caught:
        other.open_device(remote)
    assert caught.value.errno == errno.EBUSY
    resets = echo.resets
    usb.util.dispose_resources(device)
    other.open_device(remote).close()
    assert echo.resets > resets


def test_opening_and_closing_in_a_row_never_finds_the_device_busy(server, echo):
    del echo
    backend = UsbipBackend(server.host, server.port)
    remote = next(backend.enumerate_devices())
    for _ in range(50):
        backend.open_device(remote).close()


def test_a_reset_reaches_the_device(server, echo):
    backend = UsbipBackend(server.host, server.port)
    link = backend.open_device(next(backend.enumerate_devices()))
    resets = echo.resets
    backend.reset_device(link)
    assert echo.resets == resets + 1
    link.close()


def test_a_broken_model_costs_its_connection_only(server, echo, device, caplog):
    def broken(*_):
        raise ZeroDivisionError

    echo.on_in = broken
    with pytest.raises(usb.core.USBError) as caught:
        device.read(0x81, 64, 1000)
    assert caught.value.errno == errno.ENODEV
    assert "model of a virtual device is broken" in caplog.text
    assert len(list(UsbipBackend(server.host, server.port).enumerate_devices())) == 1


def test_no_server_is_no_device():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(usb.core.USBError) as caught:
        list(UsbipBackend("127.0.0.1", port).enumerate_devices())
    assert caught.value.errno == errno.ENODEV


@pytest.mark.parametrize("answer", [b"HTTP/1.0 400 Bad\r\n", b"\x01\x11\x00\x05", b""])
def test_something_else_on_that_port_is_no_server(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            sock, _ = listener.accept()
            with sock:
                sock.recv(64)
                sock.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        backend = UsbipBackend(*listener.getsockname(), connect_timeout=0.3)
        with pytest.raises(usb.core.USBError):
            list(backend.enumerate_devices())
        thread.join()


def test_the_bytes_on_the_wire_are_those_of_the_kernels_document():
    urb = wire.Urb(
        0x0D05, 0x1000F, 0, is_in=True, length=64, setup=bytes.fromhex("8006000100004000")
    )
    assert urb.to_bytes().hex() == (
        "0000000100000d050001000f0000000100000000"
        "00000000" "00000040" "00000000" "ffffffff" "00000000" "8006000100004000"
    )  # fmt: skip
    assert wire.unlink(7, 0x1000F, 5).hex() == (
        "00000002000000070001000f000000000000000000000005" + "00" * 24
    )
    assert len(wire.submitted(1, -32, 0)) == len(wire.unlinked(1, -104)) == 48
    record = wire.Exported("1-1", 1, 2, 3, 0x1B55, 0x0840, 0x0100, (0, 0, 0), 1, 1, 1, "/sys/x")
    assert len(record.to_bytes()) == 312
    assert wire.Exported.from_bytes(record.to_bytes()) == record
