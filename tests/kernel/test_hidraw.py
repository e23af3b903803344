# SPDX-License-Identifier: Apache-2.0
"""The hidraw peer through the kernel's own calls: a signature pad that usbhid has taken."""

import ctypes.util
import threading

import numpy as np
import pytest

import mock_kernel
from ektp_hw.samples import SignatureTrace
from ektp_hw.virtual.pad import VirtualSignaturePad
from mock_kernel import HidrawDevice, talk

pytestmark = mock_kernel.needed

CALLS = """
import fcntl, os, select, struct
def ioctl(fd, direction, number, data):
    call = direction << 30 | len(data) << 16 | ord("H") << 8 | number
    data = bytearray(data)
    return fcntl.ioctl(fd, call, data), data.hex()
def refused(run):
    try:
        return run()
    except OSError as error:
        return error.errno
fd = os.open(PATH, os.O_RDWR | os.O_NONBLOCK)
"""


def stroke():
    time = np.arange(0, 0.1, 1 / 200)
    return SignatureTrace(time, 20 + 50 * time, np.full_like(time, 30), np.full_like(time, 0.5))


def test_the_calls_of_hidraw(machine):
    pad = machine.plug(HidrawDevice(VirtualSignaturePad(stroke(), speed=10)))
    body = """
tell(lambda: ioctl(fd, 2, 3, bytes(8)))
tell(lambda: ioctl(fd, 2, 1, bytes(4)))
tell(lambda: ioctl(fd, 2, 4, bytes(64)))
tell(lambda: ioctl(fd, 3, 7, b"\\x09" + bytes(16)))
tell(refused(lambda: ioctl(fd, 3, 7, b"\\x77" + bytes(4))))
tell(select.select([fd], [], [], 0.1)[0])
tell(refused(lambda: os.read(fd, 64)))
tell(lambda: ioctl(fd, 3, 6, b"\\x20\\0"))
reports = []
while len(reports) < 5 and select.select([fd], [], [], 5)[0]:
    reports.append(os.read(fd, 64).hex())
tell(reports)
tell(refused(lambda: os.write(fd, b"\\x55hello")))
"""
    told = [one.value for one in talk(machine, CALLS + body, PATH=pad.path)]
    assert told[0] == [0, "030000006a05a400"]
    length = VirtualSignaturePad.interfaces[0].extra[7]
    assert told[1] == [0, f"{length:02x}000000"]
    assert bytes.fromhex(told[2][1]).rstrip(b"\0") == b"ektp_hw STU-430 (emulated)"
    assert told[2][0] == len("ektp_hw STU-430 (emulated)") + 1
    assert told[3] == [17, "092580177003ff014000c8c809ec030000"]
    assert told[4] == 32  # EPIPE
    assert told[5] == []
    assert told[6] == 11  # EAGAIN
    assert told[7][0] == 2
    assert [len(bytes.fromhex(report)) for report in told[8]] == [7] * 5
    assert told[9] == 32  # the pad takes no output reports
    assert pad.opened == 1


@pytest.mark.skipif(
    not ctypes.util.find_library("hidapi-hidraw"), reason="needs hidapi (Debian: libhidapi-hidraw0)"
)
def test_hidapi_signs_on_the_pad(machine):
    machine.plug(HidrawDevice(VirtualSignaturePad(stroke(), speed=10, serial="S7")))
    body = """
import ctypes
hid = ctypes.CDLL("libhidapi-hidraw.so.0")
hid.hid_open.restype = ctypes.c_void_p
hid.hid_error.restype = ctypes.c_wchar_p
device = ctypes.c_void_p(hid.hid_open(0x056A, 0x00A4, ctypes.c_wchar_p(SERIAL)))
def feature(number, length):
    room = ctypes.create_string_buffer(bytes([number]), length)
    return hid.hid_get_feature_report(device, room, length), room.raw.hex()
def read(milliseconds):
    room = ctypes.create_string_buffer(64)
    count = hid.hid_read_timeout(device, room, 64, milliseconds)
    return room.raw[: max(count, 0)].hex() if count >= 0 else "failed"
tell(bool(device))
tell(lambda: feature(0x09, 17))
tell(read(100))
tell(hid.hid_send_feature_report(device, b"\\x20\\0", 2))
tell([read(5000) for _ in range(20)])
hid.hid_close(device)
"""
    told = [one.value for one in talk(machine, body, SERIAL="S7")]
    assert told[0] is True
    assert told[1] == [17, "092580177003ff014000c8c809ec030000"]
    assert told[2:4] == ["", 2]
    reports = [bytes.fromhex(report) for report in told[4]]
    assert [len(report) for report in reports] == [7] * 20
    assert [int.from_bytes(report[3:5], "big") for report in reports] == [
        round((20 + 50 * at) * 100) for at in np.arange(0, 0.1, 1 / 200)
    ]


def test_pulling_the_cable_ends_a_wait(machine):
    model = VirtualSignaturePad()
    pad = machine.plug(HidrawDevice(model))
    body = """
print("open", flush=True)
tell(lambda: [bool(select.select([fd], [], [], 20)[0]), refused(lambda: os.read(fd, 64))])
tell(refused(lambda: ioctl(fd, 2, 3, bytes(8))))
tell(os.path.exists(PATH))
"""
    with mock_kernel.start(machine, CALLS + body, PATH=pad.path) as child:
        child.wait_for("open")
        threading.Timer(0.2, model.unplug).start()
        told = child.finish()
    assert [one.value for one in told] == [[True, 19], 19, False]
    assert told[0].seconds < 5


def test_a_new_program_gets_no_old_reports(machine):
    pad = machine.plug(HidrawDevice(VirtualSignaturePad(stroke(), speed=10)))
    sign = """
ioctl(fd, 3, 6, b"\\x20\\0")
tell(bool(select.select([fd], [], [], 5)[0]))
time.sleep(0.1)
"""
    look = "tell(select.select([fd], [], [], 0.2)[0])\n"
    told = talk(machine, CALLS + sign, PATH=pad.path) + talk(machine, CALLS + look, PATH=pad.path)
    assert [one.value for one in told] == [True, []]
