# SPDX-License-Identifier: Apache-2.0
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ektp_hw.errors import (
    CaptureCancelled,
    CardError,
    CardRemoved,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
)
from ektp_hw.transport import pcsc, pcsc_library

SESSION = Path(__file__).with_name("vpcd_session.py")
READER = "Fake Reader 00 00"


class FakeService:
    """The library's functions as Python: one reader, a card that echoes, codes on demand."""

    def __init__(self, ffi):
        self.ffi = ffi
        self.fail = {}
        self.present = True
        self.answer = b"\x90\x00"
        self.names = READER.encode() + b"\0\0"
        self.released = 0

    def _code(self, name):
        return self.fail.get(name, 0)

    def SCardEstablishContext(self, _scope, _a, _b, handle):  # noqa: N802
        handle[0] = 1
        return self._code("establish")

    def SCardReleaseContext(self, _context):  # noqa: N802
        self.released += 1
        return 0

    def SCardCancel(self, _context):  # noqa: N802
        return 0

    def SCardListReaders(self, _context, _groups, text, size):  # noqa: N802
        size[0] = len(self.names)
        if text != self.ffi.NULL:
            self.ffi.memmove(text, self.names, len(self.names))
        return self._code("list")

    def SCardGetStatusChange(self, _context, milliseconds, states, _count):  # noqa: N802
        event = 0x22 if self.present else 0x12
        if states[0].dwCurrentState == event:
            time.sleep(milliseconds / 1000)
            return self.fail.get("status", 0x8010000A - 2**32)
        states[0].dwEventState = event
        atr = b"\x3b\x00"
        states[0].cbAtr = len(atr)
        self.ffi.memmove(states[0].rgbAtr, atr, len(atr))
        return self._code("status")

    def SCardConnect(self, _context, _name, _share, _wanted, handle, protocol):  # noqa: N802
        handle[0], protocol[0] = 7, 2
        return self._code("connect")

    def SCardDisconnect(self, _handle, _disposition):  # noqa: N802
        return 0

    def SCardTransmit(self, _h, _request, _data, _n, _reply, answer, size):  # noqa: N802
        self.ffi.memmove(answer, self.answer, len(self.answer))
        size[0] = len(self.answer)
        return self._code("transmit")


@pytest.fixture
def library():
    try:
        real = pcsc_library.load()
    except DeviceUnavailable as lack:
        pytest.skip(f"needs the C types of a loaded PC/SC library: {lack}")
    return real._replace(functions=FakeService(real.ffi))


def test_missing_library_says_what_to_install():
    with pytest.raises(DeviceUnavailable, match=r"install it.*no-such-pcsc") as caught:
        pcsc_library.load("libno-such-pcsc.so.1", "linux")
    assert caught.value.reason is UnavailableReason.LIBRARY_MISSING


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_the_other_platforms_types_parse(platform):
    with pytest.raises(DeviceUnavailable, match="repair the system") as caught:
        pcsc_library.load("no-such-library", platform)
    assert caught.value.reason is UnavailableReason.LIBRARY_MISSING


def test_service_that_is_not_running_says_what_to_start():
    script = (
        "from ektp_hw.transport.pcsc import Context\n"
        "from ektp_hw.errors import DeviceUnavailable\n"
        "try:\n Context()\n"
        "except DeviceUnavailable as lack: print(lack.reason.name, lack)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm"},
    ).stdout
    if answer.startswith("LIBRARY_MISSING"):
        pytest.skip("the PC/SC library is not installed")
    assert answer.startswith("SERVICE_MISSING")
    assert "start it" in answer


def test_readers_are_listed_without_opening_them(library):
    with pcsc.Context(library) as context:
        assert context.readers() == [READER]
    assert library.functions.released == 1


def test_no_reader_is_an_empty_list(library):
    library.functions.fail["list"] = 0x8010002E - 2**32
    with pcsc.Context(library) as context:
        assert context.readers() == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0x80100009, DeviceNotFound),
        (0x8010000B, DeviceBusy),
        (0x8010000C, CardError),
        (0x80100017, DeviceRemoved),
        (0x8010001D, DeviceUnavailable),
        (0x8010006A, DeviceUnavailable),
        (0x80100069, CardRemoved),
        (0x80100099, DeviceError),
    ],
)
def test_every_code_becomes_a_typed_error_that_names_the_reader(library, code, kind):
    library.functions.fail["connect"] = code - 2**32
    with pcsc.Context(library) as context, pytest.raises(kind, match=READER) as caught:
        context.connect(READER)
    assert type(caught.value) is kind
    assert f"{code:08X}" in str(caught.value)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0x8010006A, UnavailableReason.NOT_PERMITTED),
        (0x8010001D, UnavailableReason.SERVICE_MISSING),
        (0x80100013, UnavailableReason.SERVICE_MISSING),
    ],
)
def test_why_the_service_cannot_be_used(library, code, reason):
    library.functions.fail["establish"] = code - 2**32
    with pytest.raises(DeviceUnavailable) as caught:
        pcsc.Context(library)
    assert caught.value.reason is reason


def test_wait_ends_in_time(library):
    library.functions.present = False
    with pcsc.Context(library) as context:
        began = time.monotonic()
        assert context.wait(READER, present=True, timeout=0.15) is None
        assert 0.1 < time.monotonic() - began < 0.35


def test_wait_is_cancelled_within_200_ms(library):
    library.functions.present = False
    cancel = threading.Event()
    with pcsc.Context(library) as context:
        threading.Timer(0.05, cancel.set).start()
        began = time.monotonic()
        with pytest.raises(CaptureCancelled):
            context.wait(READER, present=True, timeout=10, cancel=cancel)
        assert time.monotonic() - began < 0.25


def test_short_answer_is_a_protocol_error(library):
    library.functions.answer = b"\x90"
    with (
        pcsc.Context(library) as context,
        context.connect(READER) as card,
        pytest.raises(ProtocolError, match="status word"),
    ):
        card.transmit(b"\0\xa4\0\0")


def test_closed_card_says_so(library):
    with pcsc.Context(library) as context:
        card = context.connect(READER)
        card.close()
        card.close()
        with pytest.raises(DeviceError, match="closed"):
            card.transmit(b"\0\xa4\0\0")


def test_a_real_service_and_a_virtual_reader(tmp_path):
    tools = shutil.which("unshare") and shutil.which("pcscd")
    if not tools or not Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so").exists():
        pytest.skip("needs pcscd and vsmartcard-vpcd (Debian packages)")
    pytest.importorskip("cryptography")
    inside = 'mount -t tmpfs t /run && mkdir /run/pcscd && ip link set lo up && exec "$@"'
    answer = subprocess.run(
        ["unshare", "-m", "-n", "sh", "-c", inside, "sh", sys.executable, SESSION, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,  # what went wrong is shown below
    )
    if "Operation not permitted" in answer.stderr:
        pytest.skip("needs the right to make namespaces (root)")
    assert answer.returncode == 0, answer.stderr
    seen = json.loads(answer.stdout)
    assert len(seen["readers"]) == 2
    assert seen["empty"] is False
    assert seen["nothing came"] is None
    assert 0.15 < seen["timeout s"] < 0.5
    assert 0.05 < seen["cancel s"] < 0.4
    assert seen["cancelled by the service"]
    assert seen["atr"]
    assert seen["atr of the link"]
    assert seen["photo"]
    assert seen["long answer"] == 2 + 1024 + 2
    assert seen["removed"].split(":")[0] in {"CardRemoved", "CardError", "ProtocolError"}, seen[
        "removed"
    ]
    assert seen["taken away"]
    assert seen["listed"] == ["pcsc:" + name for name in seen["readers"]]
    assert seen["driver"]
    assert seen["single command"] == 0x9000
    assert isinstance(seen["features"], str)
    assert seen["sam"] == "the card was read; its digital signature fits"
    assert len(seen["sam files"]) == 6
    assert seen["sam biodata"]
    assert seen["order"] == ["ours", "theirs"]
    assert seen["event in"]
    assert seen["event out"]
    assert seen["event out s"] < 1.5, "vpcd itself is looked at every 0.4 s"
    assert seen["service gone"].startswith("DeviceUnavailable"), seen["service gone"]
    assert seen["service gone s"] < 1
    assert seen["event after restart"]
    assert seen["capture after restart"] == 1024
