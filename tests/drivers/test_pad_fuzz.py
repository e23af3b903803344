# SPDX-License-Identifier: Apache-2.0
"""Whatever bytes a pad sends, its driver gives a signature or an error of this package."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.epad import Epad
from ektp_hw.drivers.evdev_tablet import EvdevTablet
from ektp_hw.drivers.topaz_serial import TopazSerial
from ektp_hw.drivers.wacom_stu import WacomStu
from ektp_hw.errors import EktpError
from ektp_hw.samples import SignatureTrace
from ektp_hw.transport.stu_serial import FrameReader
from ektp_hw.virtual.epad import VirtualEpad
from ektp_hw.virtual.evdev_tablet import VirtualTablet
from ektp_hw.virtual.hidraw_port import HidrawPort
from ektp_hw.virtual.pad import VirtualSignaturePad

FEW = settings(max_examples=40, deadline=None)
NEAR = st.sampled_from([b"\x01", b"\x30", b"\x34", b"\x60", b"\xc1", b""])
READS = st.lists(st.builds(bytes.__add__, NEAR, st.binary(max_size=12)), max_size=60)


class Feeding:
    """Stands in front of a node or line: answers as it does, but reads what it is given."""

    def __init__(self, inner, reads):
        self._inner, self._reads = inner, iter(reads)

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def read(self, length, timeout):
        del timeout
        return next(self._reads, b"")[:length]


class Line:
    """A serial line on which nothing else happens."""

    def discard(self):
        pass

    close = discard


def outcome(driver, uri, inner, reads):
    """Capture what is fed; the first reads may be thrown away as old ones."""
    info = DeviceInfo(uri, DeviceKind.SIGNATURE, "Pad", driver.name)
    with driver(info, connect=lambda _: Feeding(inner, [b"", *reads])) as pad:
        try:
            trace = pad.capture(timeout=0.02, rest=0.005)
        except EktpError:
            return
        assert isinstance(trace, SignatureTrace)
        assert trace.dropped >= 0


@FEW
@given(READS)
def test_wacom(reads):
    model = VirtualSignaturePad()
    outcome(WacomStu, "hidraw:/dev/hidraw0", HidrawPort(model, "hidraw:/dev/hidraw0"), reads)


@FEW
@given(READS)
def test_epad(reads):
    outcome(Epad, "hidraw:/dev/hidraw0", HidrawPort(VirtualEpad(), "hidraw:/dev/hidraw0"), reads)


@FEW
@given(READS)
def test_topaz(reads):
    outcome(TopazSerial, "serial:/dev/ttyS0", Line(), reads)


EVENTS = st.tuples(
    st.integers(-5, 2**40), st.integers(0, 999_999), st.sampled_from([0, 1, 3, 4]),
    st.sampled_from([0, 1, 3, 24, 0x140, 0x14A]), st.integers(-(2**31), 2**31 - 1),
)  # fmt: skip


@FEW
@given(st.lists(EVENTS, max_size=60), st.integers(0, 23))
def test_evdev(events, cut):
    raw = b"".join(struct.pack("@llHHi", *event) for event in events)
    reads = [raw[at : at + 240] for at in range(0, len(raw), 240)] + ([raw[:cut]] if cut else [])
    node = VirtualTablet().node("evdev:/dev/input/event7")
    outcome(EvdevTablet, "evdev:/dev/input/event7", node, reads)


@FEW
@given(st.lists(st.binary(max_size=80), max_size=30))
def test_frames(pieces):
    reader = FrameReader()
    reports = [report for piece in pieces for report in reader.take(piece)]
    assert all(reports)
