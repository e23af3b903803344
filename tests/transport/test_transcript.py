# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002  # the fake takes all that a connection takes
"""What is recorded is what is replayed; anything else is an error, also what is left over."""

import pytest

from ektp_hw.errors import DeviceRemoved, ProtocolError
from ektp_hw.transport.base import UsbConnection
from ektp_hw.transport.transcript import Recorder, Replay


class Fake(UsbConnection):
    closed = 0

    def control_out(self, request_type, request, value=0, index=0, data=b"", timeout=1.0):
        if request == 0x99:
            raise ProtocolError("stalled")
        if request == 0x98:
            raise DeviceRemoved("gone")

    def control_in(self, request_type, request, value=0, index=0, length=0, timeout=1.0):
        return bytes(length)

    def read(self, endpoint, length, timeout):
        return b"\x55" * length

    def write(self, endpoint, data, timeout=1.0):
        pass

    def clear_halt(self, endpoint):
        pass

    def close(self):
        self.closed += 1


def conversation(link):
    link.control_out(0x40, 0xE1, 1, 3, b"lamp")
    assert link.control_in(0xC0, 4, length=3) == bytes(3)
    link.write(2, bytes(100))
    assert link.read(0x82, 1000, 1.0) == b"\x55" * 1000
    link.clear_halt(0x82)
    with pytest.raises(ProtocolError):
        link.control_out(0x40, 0x99)
    with pytest.raises(DeviceRemoved):
        link.control_out(0x40, 0x98)


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "deep" / "talk.jsonl"
    with Recorder(Fake(), target) as link:
        conversation(link)
    return target


def test_a_recording_is_replayed(path):
    assert path.stat().st_size < 1000
    with Replay(path) as link:
        conversation(link)


def test_a_different_call_is_refused(path):
    replay = Replay(path)
    with pytest.raises(ProtocolError, match="line 1 has control_out"):
        replay.control_out(0x40, 0xE1, 0, 3, b"lamp")


def test_a_different_kind_of_call_is_refused(path):
    with pytest.raises(ProtocolError, match="the driver called read"):
        Replay(path).read(0x82, 1000, 1.0)


def test_leftovers_are_an_error(path):
    with (
        pytest.raises(ProtocolError, match="6 recorded calls were never made"),
        Replay(path) as link,
    ):
        link.control_out(0x40, 0xE1, 1, 3, b"lamp")


def test_an_error_inside_is_not_hidden_by_the_leftovers(path):
    with pytest.raises(KeyError), Replay(path):
        raise KeyError


def test_a_call_after_the_end_is_refused(path):
    link = Replay(path)
    conversation(link)
    with pytest.raises(ProtocolError, match="after the last"):
        link.clear_halt(0x82)


def test_closing_twice_writes_once(tmp_path):
    fake = Fake()
    link = Recorder(fake, tmp_path / "a.jsonl")
    link.close()
    (tmp_path / "a.jsonl").unlink()
    link.close()
    assert not (tmp_path / "a.jsonl").exists()
    assert fake.closed == 2


def test_silence_is_elastic_where_asked(tmp_path):
    path = tmp_path / "talk.jsonl"
    silence = '{"call": "read", "with": [130, 9]}\n'
    path.write_text(
        silence * 3
        + '{"call": "read", "with": [130, 9], "gives": "AQ=="}\n'
        + silence
        + '{"call": "clear_halt", "with": [130]}\n',
        "ascii",
    )
    with Replay(path, elastic=True) as link:
        assert link.read(130, 9, 1.0) == b"\1"
        assert [link.read(130, 9, 1.0) for _ in range(5)] == [b""] * 5
        link.clear_halt(130)
        assert link.read(130, 9, 1.0) == b""
    with pytest.raises(ProtocolError, match="1 recorded calls"), Replay(path, elastic=True) as link:
        link.read(130, 9, 1.0)
    with pytest.raises(ProtocolError), Replay(path) as link:
        assert link.read(130, 9, 1.0) == b""
