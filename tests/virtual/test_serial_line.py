# SPDX-License-Identifier: Apache-2.0
"""The line keeps its speed, and leaves nothing behind."""

import threading
import time
from pathlib import Path

import pytest

from ektp_hw.transport import serial
from ektp_hw.virtual.serial_line import SerialFunction, SerialLine


class Echo(SerialFunction):
    def on_bytes(self, data):
        if data == b"!":
            raise ZeroDivisionError
        self.send(data)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def read(port, length):
    content = b""
    end = time.monotonic() + 10
    while len(content) < length and time.monotonic() < end:
        content += port.read(length - len(content), 0.5)
    return content


def test_the_line_is_as_slow_as_its_speed_says():
    module = Echo(115200)
    line = SerialLine(module)
    with serial.connect(f"serial:{line.path}", baud=115200) as port:
        begun = time.monotonic()
        module.send(bytes(5760))
        assert read(port, 5760) == bytes(5760)
        took = time.monotonic() - begun
    line.close()
    assert 0.4 < took < 2  # 5760 bytes of 10 bits take 0.5 s


def test_answers_can_come_late_and_acts_behind_them():
    module = Echo(57600, speed=100)
    line = SerialLine(module)
    with serial.connect(f"serial:{line.path}") as port:
        begun = time.monotonic()
        module.send(b"a")
        module.send(b"b", after=0.3)
        sent = threading.Event()
        module.then(sent.set)
        assert read(port, 2) == b"ab"
        assert time.monotonic() - begun > 0.29
        assert sent.wait(5)
        module.then(module.unplug)
    end = time.monotonic() + 5
    while line.path.is_symlink() and time.monotonic() < end:
        time.sleep(0.01)
    assert not line.path.is_symlink()
    assert not line.is_plugged
    line.close()


def test_hundreds_of_replugs_leak_nothing():
    module = Echo(57600)
    line = SerialLine(module)
    threads, handles = threading.active_count(), open_files()
    for _ in range(200):
        line.hang_up()
        line.plug_in()
    assert line.path.exists()
    assert (threading.active_count(), open_files()) == (threads, handles)
    line.close()
    line.close()
    assert threading.active_count() == threads - 1
    assert not line.path.parent.exists()


def test_a_broken_model_costs_its_line_and_a_log_entry(caplog):
    line = SerialLine(Echo(57600))
    with serial.connect(f"serial:{line.path}") as port:
        port.write(b"!")
        end = time.monotonic() + 5
        while line.is_plugged and time.monotonic() < end:
            time.sleep(0.01)
    assert "the model on a virtual serial line is broken" in caplog.text
    line.close()


@pytest.mark.parametrize("call", [lambda one: one.send(b"x"), lambda one: one.unplug()])
def test_a_module_that_is_not_plugged_in_is_patient(call):
    call(Echo(57600))
