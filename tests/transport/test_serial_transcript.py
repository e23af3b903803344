# SPDX-License-Identifier: Apache-2.0
"""What is recorded of a serial line is what is replayed; leftovers are an error."""

import pytest

from ektp_hw.errors import DeviceRemoved, ProtocolError
from ektp_hw.transport.base import SerialConnection
from ektp_hw.transport.serial_transcript import SerialRecorder, SerialReplay


class Fake(SerialConnection):
    closed = cancelled = 0

    def read(self, length, timeout):
        del timeout
        return b"\x55" * min(length, 100)

    def write(self, data, timeout=1.0):
        del timeout
        if data == b"gone":
            raise DeviceRemoved("gone")

    def discard(self):
        pass

    def set_baud(self, baud):
        pass

    def set_lines(self, *, dtr=None, rts=None):
        return rts is None and dtr is True

    def cancel_read(self):
        self.cancelled += 1

    def close(self):
        self.closed += 1


def conversation(line):
    line.set_baud(9600)
    line.discard()
    line.write(b"\xef\x01" * 50)
    assert line.read(1000, 1.0) == b"\x55" * 100
    assert line.set_lines(dtr=True) is True
    assert line.set_lines(rts=False) is False
    line.cancel_read()
    with pytest.raises(DeviceRemoved):
        line.write(b"gone")


@pytest.fixture
def path(tmp_path):
    target, fake = tmp_path / "talk.jsonl", Fake()
    with SerialRecorder(fake, target) as line:
        conversation(line)
    assert (fake.closed, fake.cancelled) == (1, 1)
    return target


def test_a_recording_is_replayed(path):
    with SerialReplay(path) as line:
        conversation(line)


def test_a_different_call_is_refused(path):
    with pytest.raises(ProtocolError, match="line 1 has set_baud"):
        SerialReplay(path).set_baud(19200)


def test_leftovers_are_an_error(path):
    line = SerialReplay(path)
    line.set_baud(9600)
    line.close()
    with pytest.raises(ProtocolError, match="6 recorded calls were never made"):
        line.__exit__(None)
