# SPDX-License-Identifier: Apache-2.0
"""The serial modules' driver: a transcript, good days and bad days of the model on a real tty.

The transcript holds a pattern of stripes, no finger. To record it anew, run this file as a script.
"""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.devices import DeviceInfo, DeviceKind
from ektp_hw.drivers.zfm import ZFM
from ektp_hw.errors import (
    CaptureCancelled,
    CaptureTimeout,
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    ProtocolError,
    RetryAdvice,
    RetryCapture,
    UnavailableReason,
)
from ektp_hw.samples import FingerprintImage
from ektp_hw.transport import serial, serial_ports
from ektp_hw.transport.serial_ports import SerialPort
from ektp_hw.transport.serial_transcript import SerialRecorder, SerialReplay
from ektp_hw.virtual.serial_line import SerialLine
from ektp_hw.virtual.zfm import VirtualZFM
from rigs.zfm import as_sent, striped_finger

TRANSCRIPT = Path(__file__).parents[1] / "transcripts" / "zfm" / "stripes.jsonl"
INFO = DeviceInfo("serial:/dev/ttyUSB0", DeviceKind.FINGERPRINT, "R503", "zfm")
FAST = 200


@pytest.fixture
def plugged_in():
    """Plug a module in and return its address."""
    lines = []

    def plug(module):
        module.present(striped_finger())
        lines.append(SerialLine(module))
        return f"serial:{lines[-1].path}"

    yield plug
    for line in lines:
        line.close()


@pytest.fixture
def module():
    return VirtualZFM(speed=FAST)


@pytest.fixture
def scanner(plugged_in, module):
    with registry.open_device(plugged_in(module)) as device:
        yield device


@pytest.fixture
def impatient(monkeypatch):
    """Shorten the time limits that a fault makes the driver wait for."""
    monkeypatch.setattr("ektp_hw.transport.zfm_module._ANSWER", 0.3)
    monkeypatch.setattr("ektp_hw.virtual.zfm._LATE", 0.4)
    monkeypatch.setattr("ektp_hw.drivers.zfm._HELLO", 0.15)


def works(scanner):
    return np.array_equal(scanner.capture(timeout=20).pixels, as_sent(striped_finger()))


def test_the_recorded_conversation_gives_the_recorded_picture():
    with SerialReplay(TRANSCRIPT) as line, ZFM(INFO, connect=lambda _: line) as scanner:
        image = scanner.capture(timeout=60)
    assert np.array_equal(image.pixels, as_sent(striped_finger())[:192, :192])
    assert (image.ppi, image.source) == (508, INFO.uri)


def test_another_conversation_is_noticed():
    class Locked(ZFM):
        def _hello(self):
            return self._talk.hello(1, self._while_opening, 1.0)

    with pytest.raises(ProtocolError, match="but the driver called"):
        Locked(INFO, connect=lambda _: SerialReplay(TRANSCRIPT)).open()


# Good days.


def test_what_it_can_do_is_known_after_the_first_picture(scanner):
    assert (scanner.capabilities.width, scanner.capabilities.bits) == (None, 4)
    assert works(scanner)
    assert (scanner.capabilities.width, scanner.capabilities.height) == (256, 288)


def test_every_picture_is_the_finger_that_lies_there(scanner, module):
    assert works(scanner)
    assert scanner.ppi == 500
    other = FingerprintImage(striped_finger().pixels.T.copy()[:, :256])
    module.present(other)
    image = scanner.capture(timeout=20)
    assert (image.height, image.width) == (288, 256)
    assert not np.array_equal(image.pixels, as_sent(striped_finger()))


def test_the_module_tells_of_itself(scanner):
    told = scanner.parameters
    assert (told.baud, told.data_size, told.capacity, told.address) == (57600, 128, 1000, 2**32 - 1)


def test_the_round_module_has_another_size_and_resolution(plugged_in):
    with registry.open_device(plugged_in(VirtualZFM("r503", speed=FAST))) as scanner:
        image = scanner.capture(timeout=20)
    assert (image.width, image.height, image.ppi) == (192, 192, 508)


def test_a_finger_that_comes_later(scanner, module):
    module.present(None)
    threading.Timer(0.15, module.present, [striped_finger()]).start()
    assert works(scanner)


@pytest.mark.parametrize("baud", [9600, 115200])
@pytest.mark.usefixtures("impatient")
def test_a_speed_that_somebody_set_before_is_found_out(plugged_in, baud):
    with registry.open_device(plugged_in(VirtualZFM(baud=baud, speed=FAST))) as scanner:
        assert scanner.parameters.baud == baud
        assert works(scanner)


@pytest.mark.usefixtures("impatient")
def test_a_named_speed_is_the_only_one_tried(plugged_in):
    address = plugged_in(VirtualZFM(baud=9600, speed=FAST))
    with pytest.raises(DeviceUnavailable, match="no fingerprint module answers") as caught:
        registry.open_device(f"{address}?baud=57600")
    assert caught.value.reason is UnavailableReason.POWERED_OFF
    with registry.open_device(f"{address}?baud=9600") as scanner:
        assert works(scanner)


def test_a_locked_module_wants_its_password(plugged_in):
    address = plugged_in(VirtualZFM(speed=FAST, password=0x1234ABCD))
    with pytest.raises(DeviceUnavailable, match="give its password") as caught:
        registry.open_device(address)
    assert caught.value.reason is UnavailableReason.NOT_PERMITTED
    with registry.open_device(f"{address}?password=1234abcd") as scanner:
        assert works(scanner)
        assert "1234" not in scanner.capture(timeout=20).source + scanner.info.uri


def test_two_programs_cannot_have_it(scanner):
    with pytest.raises(DeviceBusy):
        registry.open_device(scanner.info.uri)
    assert works(scanner)


@pytest.mark.parametrize("timeout", [0.0, 0.2])
def test_no_finger_is_a_timeout_in_time(scanner, module, timeout):
    module.present(None)
    begun = time.monotonic()
    with pytest.raises(CaptureTimeout, match="no finger"):
        scanner.capture(timeout=timeout)
    assert timeout <= time.monotonic() - begun < timeout + 0.5
    module.present(striped_finger())
    assert works(scanner)


@pytest.mark.parametrize("speed", [1, FAST])
def test_cancel_ends_the_wait_or_the_download(scanner, module, speed):
    module.speed = speed
    module.present(striped_finger() if speed == 1 else None)
    cancel = threading.Event()
    threading.Timer(0.4, cancel.set).start()
    begun = time.monotonic()
    with pytest.raises(CaptureCancelled):
        scanner.capture(timeout=10, cancel=cancel)
    assert time.monotonic() - begun < 0.9
    module.speed = FAST
    module.present(striped_finger())
    assert works(scanner)


def test_at_real_speed_a_short_wait_is_told_how_long_a_picture_takes(scanner, module):
    module.speed = 1
    begun = time.monotonic()
    with pytest.raises(CaptureTimeout, match="over this line it takes up to 7 s"):
        scanner.capture(timeout=0.5)
    assert time.monotonic() - begun < 1.0


def test_the_line_has_its_real_speed(module, plugged_in):
    module.speed = 6
    with registry.open_device(plugged_in(module)) as scanner:
        begun = time.monotonic()
        assert works(scanner)
    assert time.monotonic() - begun > 1.0  # 41 kB at 57600 baud take 7 s


# Bad days, as users of such modules report them.


@pytest.mark.usefixtures("impatient")
def test_it_works_the_first_time_after_power_up(module, plugged_in):
    module.misbehave("waking")
    with registry.open_device(plugged_in(module)) as scanner:
        assert works(scanner)


def test_it_works_while_an_earlier_program_left_a_picture_under_way(scanner, module):
    module.speed = 10
    with pytest.raises(CaptureTimeout):
        scanner.capture(timeout=0.3)
    scanner.close()
    with registry.open_device(scanner.info.uri) as again:
        module.speed = FAST
        assert works(again)


def test_it_works_with_noise_before_every_answer(module, plugged_in):
    module.misbehave("garbage")
    with registry.open_device(plugged_in(module)) as scanner:
        assert works(scanner)


@pytest.mark.parametrize("fault", ["checksum", "lost", "stop", "late", "reset"])
@pytest.mark.usefixtures("impatient")
def test_a_single_fault_is_mended_unseen(scanner, module, fault):
    module.misbehave(fault)
    assert works(scanner)
    assert works(scanner)


@pytest.mark.usefixtures("impatient")
def test_a_late_answer_never_passes_for_the_next_finger(scanner, module):
    assert works(scanner)
    module.misbehave("late")
    with pytest.raises(CaptureTimeout):
        scanner.capture(timeout=0.2)  # the answer 'taken' is still under way
    module.present(None)
    with pytest.raises(CaptureTimeout):
        scanner.capture(timeout=0.8)


def test_an_adapter_that_loses_bytes_at_high_speed_gets_a_lower_one(scanner, module, caplog):
    module.misbehave("fast-line")
    assert works(scanner)
    assert module.baud == 38400
    assert "the module is set to 38400" in caplog.text
    assert works(scanner)


def test_a_named_speed_is_kept(module, plugged_in):
    module.misbehave("fast-line")
    with (
        registry.open_device(plugged_in(module) + "?baud=57600") as scanner,
        pytest.raises(ProtocolError, match="came damaged"),
    ):
        scanner.capture(timeout=20)
    assert module.baud == 57600


@pytest.mark.parametrize(
    ("fault", "kind", "what"),
    [
        ("refuse", ProtocolError, "code 0F"),
        ("short", ProtocolError, "12288 bytes"),
        ("noise", ProtocolError, "no picture"),
        ("dark", DeviceError, "picture is black"),
        ("silent", ProtocolError, "does not answer any more"),
        ("unplug", DeviceRemoved, "plug the adapter in"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_a_lasting_fault_is_told_and_the_next_capture_works(scanner, module, fault, kind, what):
    module.misbehave(fault)
    with pytest.raises(kind, match=what):
        scanner.capture(timeout=20)
    module.behave()
    if fault == "unplug":
        module._line.plug_in()
        scanner.open()
    assert works(scanner)


@pytest.mark.parametrize(
    ("fault", "advice"),
    [("messy", RetryAdvice.PRESS_LIGHTER), ("faint", RetryAdvice.PRESS_HARDER)],
)
def test_what_the_person_can_mend(scanner, module, fault, advice):
    module.misbehave(fault)
    with pytest.raises(RetryCapture) as caught:
        scanner.capture(timeout=20)
    assert caught.value.advice is advice
    module.behave()
    assert works(scanner)


def test_a_fingers_edge_is_asked_to_the_middle(scanner, module):
    edge = np.full((288, 256), 225, np.uint8)
    edge[:, :40] = striped_finger().pixels[:, :40]
    module.present(FingerprintImage(edge))
    with pytest.raises(RetryCapture) as caught:
        scanner.capture(timeout=20)
    assert caught.value.advice is RetryAdvice.CENTRE_FINGER


def test_a_finger_lifted_early_is_waited_for_again(scanner, module):
    module.misbehave("lifted")
    threading.Timer(0.15, lambda: (module.behave(), module.present(striped_finger()))).start()
    assert works(scanner)


@pytest.mark.usefixtures("impatient")
def test_a_silent_module_is_told_at_the_time_limit_too(scanner, module):
    module.misbehave("silent")
    begun = time.monotonic()
    with pytest.raises(CaptureTimeout, match="did not answer any more"):
        scanner.capture(timeout=0.6)
    assert time.monotonic() - begun < 1.1


def test_nothing_that_answers(plugged_in, module, monkeypatch):
    module.misbehave("silent")
    address = plugged_in(module)
    with monkeypatch.context() as hasty:
        hasty.setattr("ektp_hw.drivers.zfm._HELLO", 0.05)
        hasty.setattr("ektp_hw.transport.zfm_module._QUIET", 0.01)
        with pytest.raises(DeviceUnavailable, match="TX and RX"):
            registry.open_device(address)
    module.behave()
    with registry.open_device(address) as scanner:
        assert works(scanner)


# Where it is found.


def test_only_named_ports_are_listed(monkeypatch):
    port = SerialPort("/dev/ektp/zfm", "/dev/ttyUSB3", "CP2102", 0x10C4, 0xEA60, "0001")
    monkeypatch.setattr(serial_ports, "named_ports", lambda *_: [port])
    (info,) = ZFM.discover()
    assert info.uri == "serial:/dev/ektp/zfm?driver=zfm"
    assert "CP2102" in info.name
    assert (info.vendor_id, info.product_id, info.serial) == (0x10C4, 0xEA60, "0001")
    assert ZFM.locate(info.uri).uri == info.uri


def test_ports_of_other_drivers_are_not_ours():
    assert ZFM.locate("serial:/dev/ttyUSB0?driver=topaz") is None


@pytest.mark.parametrize(
    "query", ["?password=xyz", "?pasword=1", "?baud=fast", "?password=123456789"]
)
def test_addresses_that_cannot_be(query):
    with pytest.raises(DeviceNotFound, match="looks like serial:/dev/ttyUSB0"):
        ZFM.locate(f"serial:/dev/ttyUSB0{query}")


def test_offered_as_a_virtual_device(tmp_path):
    from ektp_hw.virtual.station import station

    station().close()
    uri, path = "virtual:zfm?seed=3&speed=200", tmp_path / "a"
    with registry.open_device(uri, record=path, keep_payloads=True) as scanner:
        image = scanner.capture(timeout=20)
    station().close()
    assert image.source == uri
    assert image.pixels.std() > 20
    with SerialReplay(path) as line, ZFM(INFO, connect=lambda _: line) as scanner:
        assert np.array_equal(scanner.capture(timeout=60).pixels, image.pixels)


@pytest.mark.parametrize("query", ["speed=0", "colour=red"])
def test_wrong_options_are_told(query):
    with pytest.raises(ValueError, match="virtual:zfm"):
        registry.open_device(f"virtual:zfm?{query}")


def record():
    """Record the transcript from the virtual module."""
    module = VirtualZFM("r503", speed=1000)
    module.present(FingerprintImage(striped_finger().pixels[:192, :192], ppi=508))
    line = SerialLine(module)
    address = f"serial:{line.path}"
    with ZFM(INFO, connect=lambda _: SerialRecorder(serial.connect(address), TRANSCRIPT)) as one:
        one.capture()
    line.close()


if __name__ == "__main__":
    record()
