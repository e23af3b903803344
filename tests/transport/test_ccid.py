# SPDX-License-Identifier: Apache-2.0
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ektp_hw.errors import CardError, DeviceUnavailable, EktpError, ProtocolError
from ektp_hw.transport import ccid
from ektp_hw.transport.base import UsbConnection
from ektp_hw.virtual.card import VirtualCardReader

APDU = bytes.fromhex("FFCA000000")


class FakeReader(UsbConnection):
    """Describes itself as the virtual reader; answers each message as the test says."""

    def __init__(self, answers=(), descriptors=None):
        self.answers = list(answers)
        self.descriptors = descriptors or VirtualCardReader().configuration_descriptor()
        self.messages = []
        self.waiting = []

    def control_out(self, request_type, request, value=0, index=0, data=b"", timeout=1.0):
        raise AssertionError((request_type, request, value, index, data, timeout))

    def control_in(self, request_type, request, value=0, index=0, length=0, timeout=1.0):
        assert (request_type, request, value, index) == (0x80, 6, 0x0200, 0)
        assert timeout > 0
        return self.descriptors[:length]

    def read(self, endpoint, length, timeout):
        assert endpoint == 0x82
        assert timeout <= 0.05
        return self.waiting.pop(0)[:length] if self.waiting else b""

    def write(self, endpoint, data, timeout=1.0):
        assert (endpoint, timeout) == (0x02, 0.2)
        self.messages.append(data)
        answer = self.answers.pop(0) if self.answers else []
        self.waiting += [make(data[6]) if callable(make) else make for make in answer]

    def clear_halt(self, endpoint):
        raise AssertionError(endpoint)

    def close(self):
        """Nothing to do."""


def reply(data=b"", *, kind=0x80, status=0, error=0, chain=0, older=0):
    def make(number):
        return (
            struct.pack("<BIBBBBB", kind, len(data), 0, number - older & 255, status, error, chain)
            + data
        )

    return make


def exchange(*answers, apdu=APDU, check=ccid.unchecked):
    reader = FakeReader(answers)
    return ccid.slots_of(ccid.Link(reader, "test:reader"))[0].exchange(apdu, check), reader.messages


def test_messages_are_the_standards_bytes():
    answer, messages = exchange([reply(b"\x90\x00")])
    assert answer == b"\x90\x00"
    assert messages == [bytes.fromhex("6F 05000000 00 01 00 0000 FFCA000000")]


def test_reply_in_pieces_is_put_together():
    whole = reply(b"\x01\x02\x90\x00")(1)
    assert exchange([whole[:3], whole[3:11], whole[11:]])[0] == b"\x01\x02\x90\x00"


def test_long_command_goes_in_three_parts():
    go_on = [reply(chain=0x10)]
    answer, messages = exchange(go_on, go_on, [reply(b"\x90\x00")], apdu=bytes(600))
    assert answer == b"\x90\x00"
    assert [message[8] for message in messages] == [1, 3, 2]
    assert [len(message) for message in messages] == [271, 271, 10 + 600 - 2 * 261]


def test_long_answer_comes_in_parts():
    answer, messages = exchange(
        [reply(b"a", chain=1)], [reply(b"b", chain=3)], [reply(b"c\x90\x00", chain=2)]
    )
    assert answer == b"abc\x90\x00"
    assert [message[8] for message in messages] == [0, 0x10, 0x10]


def test_parts_without_end_are_a_protocol_error():
    with pytest.raises(ProtocolError, match="without end"):
        exchange([reply(chain=1)], [reply(chain=3)])


def test_time_extension_and_stale_reply_are_passed_over():
    late = reply(b"old", older=1)
    extension = reply(status=0x80, error=1)
    assert exchange([late, extension, reply(b"\x90\x00")])[0] == b"\x90\x00"


def test_only_stale_replies_are_a_protocol_error():
    with pytest.raises(ProtocolError, match="older commands"):
        exchange([reply(older=1)] * 20)


@pytest.mark.parametrize(
    ("status", "error", "what"),
    [(0x42, 0xFE, "taken away"), (0x41, 0xFE, "does not answer"), (0x40, 0x12, "error 12")],
)
def test_failures_name_what_happened(status, error, what):
    with pytest.raises(CardError, match=what):
        exchange([reply(status=status, error=error)])


def test_foreign_message_is_a_protocol_error():
    with pytest.raises(ProtocolError, match="message 84"):
        exchange([reply(kind=0x84)])


def test_check_ends_the_wait():
    def enough():
        raise CardError("enough")

    with pytest.raises(CardError, match="enough"):
        exchange([], check=enough)


def test_reader_for_short_commands_refuses_long_ones():
    plain = VirtualCardReader().configuration_descriptor()
    short = plain.replace(struct.pack("<I", 0x0004047A), struct.pack("<I", 0x0002047A))
    assert short != plain
    slot = ccid.slots_of(ccid.Link(FakeReader(descriptors=short), "test:reader"))[0]
    with pytest.raises(CardError, match="261"):
        slot.exchange(bytes(300), ccid.unchecked)


@pytest.mark.parametrize(("longest", "kind"), [(100, ProtocolError), (1 << 30, ProtocolError)])
def test_impossible_message_length(longest, kind):
    plain = VirtualCardReader().configuration_descriptor()
    wrong = plain.replace(struct.pack("<I", 271), struct.pack("<I", longest))
    with pytest.raises(kind, match="messages of"):
        ccid.Link(FakeReader(descriptors=wrong), "test:reader")


def test_impossible_number_of_slots():
    plain = VirtualCardReader().configuration_descriptor()
    at = plain.index(bytes((54, 0x21)))
    wrong = plain[: at + 4] + b"\xc8" + plain[at + 5 :]
    with pytest.raises(ProtocolError, match="201 slots"):
        ccid.Link(FakeReader(descriptors=wrong), "test:reader")


def test_interrupted_command_is_taken_back_before_the_next():
    def enough():
        raise CardError("enough")

    reader = FakeReader([[], [reply(kind=0x81)], [reply(b"\x90\x00")]])
    requests = []
    reader.control_out = lambda *request: requests.append(request[:3])
    slot = ccid.slots_of(ccid.Link(reader, "test:reader"))[0]
    with pytest.raises(CardError, match="enough"):
        slot.exchange(APDU, enough)
    assert slot.exchange(APDU, ccid.unchecked) == b"\x90\x00"
    assert requests == [(0x21, 1, 2 << 8)]
    assert [message[0] for message in reader.messages] == [0x6F, 0x72, 0x6F]
    assert reader.messages[1][6] == 2


def test_reader_without_interrupt_endpoint_has_to_be_asked():
    plain = VirtualCardReader().configuration_descriptor()
    silent = plain.replace(b"\x07\x05\x81\x03\x08\x00\x10", b"")
    assert silent != plain
    assert ccid.Link(FakeReader(descriptors=silent), "test:reader").changes(0.01) is None


def test_another_class_is_refused():
    plain = VirtualCardReader().configuration_descriptor()
    other = plain.replace(b"\x0b\x00\x00\x00", b"\xff\x00\x00\x00", 1)
    with pytest.raises(DeviceUnavailable):
        ccid.Link(FakeReader(descriptors=other), "test:reader")


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=20))
def test_any_answer_gives_data_or_a_typed_error(pieces):
    def out_of_time():
        raise CardError("out of time")

    try:
        answer, _ = exchange(pieces, check=out_of_time)
    except EktpError:
        return
    assert isinstance(answer, bytes)
