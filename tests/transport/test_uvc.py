# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.errors import DeviceUnavailable, EktpError, ProtocolError
from ektp_hw.transport.base import UsbConnection
from ektp_hw.transport.uvc import GreyStream
from ektp_hw.virtual.camera import VirtualIrisCamera

WHOLE = 640 * 480
OFFER = VirtualIrisCamera()._offer()


class FakeCamera(UsbConnection):
    """Describes itself as the virtual camera and sends the payloads it is given."""

    def __init__(self, payloads=(), descriptors=None, offer=OFFER):
        self.payloads = list(payloads)
        self.descriptors = descriptors or VirtualIrisCamera().configuration_descriptor()
        self.offer = offer
        self.sent = []
        self.halts = []

    def control_out(self, request_type, request, value=0, index=0, data=b"", timeout=1.0):
        assert timeout > 0
        self.sent.append((request_type, request, value, index, data))

    def control_in(self, request_type, request, value=0, index=0, length=0, timeout=1.0):
        assert timeout > 0
        if (request_type, request, index) == (0x80, 6, 0):
            return self.descriptors[:length]
        assert (request_type, request, value, index) == (0xA1, 0x81, 0x0100, 1)
        return self.offer[:length]

    def read(self, endpoint, length, timeout):
        assert (endpoint, timeout) == (0x81, 0.1)
        return self.payloads.pop(0)[:length] if self.payloads else b""

    def write(self, endpoint, data, timeout=1.0):
        raise AssertionError((endpoint, data, timeout))

    def clear_halt(self, endpoint):
        self.halts.append(endpoint)

    def close(self):
        """Nothing to do."""


def started(payloads):
    stream = GreyStream(FakeCamera(payloads), "test:camera")
    stream.start()
    return stream


def frames(payloads):
    stream = started(payloads)
    found = [stream.frame(0.1) for _ in payloads]
    return [frame for frame in found if frame is not None]


def payload(flags, body):
    return bytes((2, flags)) + body


# The fake's payloads are longer than its offer allows, so each frame goes in five parts.
PARTS = [bytes([part]) * (WHOLE // 5) for part in range(5)]


def frame(identifier, marks=(0, 0, 0, 0, 2)):
    return [payload(identifier | mark, part) for mark, part in zip(marks, PARTS, strict=True)]


def test_negotiation_commits_to_what_the_camera_offers():
    camera = FakeCamera()
    stream = GreyStream(camera, "test:camera")
    stream.start()
    stream.stop()
    assert (stream.width, stream.height) == (640, 480)
    assert [(value, len(data)) for _, _, value, _, data in camera.sent] == [
        (0x0100, 34),
        (0x0200, 34),
    ]
    assert camera.sent[1][4] == OFFER
    assert camera.halts == [0x81]


def test_frames_are_put_together():
    assert frames(frame(0) + frame(1)) == [b"".join(PARTS)] * 2


def test_longer_headers_are_skipped():
    stamped = [bytes((12, part[1])) + bytes(10) + part[2:] for part in frame(0)]
    assert frames(stamped) == [b"".join(PARTS)]


def test_frame_without_its_beginning_is_dropped():
    assert frames(frame(0)[2:] + frame(1)) == [b"".join(PARTS)]


def test_frame_without_its_end_is_dropped():
    assert frames(frame(0)[:3] + frame(1)) == [b"".join(PARTS)]


def test_frame_with_an_error_is_dropped():
    assert frames(frame(0, (0, 0x40, 0, 0, 2)) + frame(1)) == [b"".join(PARTS)]


def test_frame_that_is_too_long_is_dropped():
    long = frame(0)
    long[4] += b"!"
    assert frames(long + frame(1)) == [b"".join(PARTS)]


def test_camera_that_never_marks_the_end():
    marks = (0, 0, 0, 0, 0)
    assert frames(frame(0, marks) + frame(1, marks)) == [b"".join(PARTS)] * 2


def test_camera_that_marks_the_end_late_and_never_toggles():
    late = [*frame(0, (0, 0, 0, 0, 0)), payload(2, b"")]
    assert frames(late + late) == [b"".join(PARTS)] * 2


def test_silence_is_no_frame():
    assert started([]).frame(0.1) is None


def test_garbage_without_end_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="no whole frames"):
        frames([b"\xff\x00"] * 100)


def test_short_offer_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="cut short"):
        GreyStream(FakeCamera(offer=OFFER[:20]), "test:camera").start()


def test_isochronous_camera_is_refused():
    plain = VirtualIrisCamera().configuration_descriptor()
    isochronous = plain.replace(b"\x07\x05\x81\x02", b"\x07\x05\x81\x05")
    assert isochronous != plain
    with pytest.raises(DeviceUnavailable, match="bulk"):
        GreyStream(FakeCamera(descriptors=isochronous), "test:camera")


@given(st.lists(st.binary(max_size=40), max_size=80))
def test_any_payloads_give_frames_or_a_typed_error(payloads):
    stream = started([payload or b"\0" for payload in payloads])
    try:
        found = [stream.frame(0.1) for _ in payloads]
    except EktpError:
        return
    assert not any(found)
