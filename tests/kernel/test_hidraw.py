# SPDX-License-Identifier: Apache-2.0
"""The hidraw peer through the kernel's own calls: a signature pad that usbhid has taken."""

import numpy as np
import pytest

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from ektp_hw.samples import SignatureTrace  # noqa: E402
from ektp_hw.virtual.pad import VirtualSignaturePad  # noqa: E402
from mock_kernel import HidrawDevice, talk  # noqa: E402

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


@pytest.fixture
def machine():
    with mock_kernel.Machine() as one:
        yield one


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
    assert told[1] == [0, "3f000000"]
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
