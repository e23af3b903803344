# SPDX-License-Identifier: Apache-2.0
"""The system's real libfprint on the bench, with the image sensor for debugging built into it.

libfprint listens on the Unix socket named by FP_VIRTUAL_IMAGE: two native ints of width and height
and the pixels are a finger, (-1, code) asks to retry, (-2, code) is an error. Fingers must have
minutiae, or libfprint asks to retry.
"""

import contextlib
import ctypes.util
import os
import socket
import struct
import tempfile
import threading
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from ektp_hw.drivers.libfprint import LibfprintSensor
from ektp_hw.errors import DeviceError
from ektp_hw.samples import FingerPosition, FingerprintImage
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.transport import libfprint
from rigs import Fault, Rig

_VARIABLE = "FP_VIRTUAL_IMAGE"
URI = "libfprint:virtual_image@0"
_RETRY, _ERROR = -1, -2
_SENT = {
    Fault.STALL: (_ERROR, 0),
    Fault.CHECKSUM: (_ERROR, 5),
    Fault.UNPLUG: (_ERROR, 0x100),
    Fault.SHORT: (_RETRY, 1),
    Fault.LIFTED: (_RETRY, 0),
    Fault.NAK: None,
}
_AGAIN = 0.5
"""Seconds until what libfprint may have dropped is sent again."""


@cache
def finger():
    """Return the middle of a synthetic finger: enough for minutiae, small for a transcript."""
    whole = SyntheticPerson(1).finger(FingerPosition(2)).impression(0).image
    return FingerprintImage(whole.pixels[120:312, 100:292])


def picture(image):
    return struct.pack("=ii", image.width, image.height) + image.pixels.tobytes()


class Visitor:
    """Lays fingers on, and does worse, through libfprint's socket."""

    def __init__(self, path):
        self._path = str(path)
        self.sent = 0.0

    @contextmanager
    def sends(self, message):
        """Send, again and again, while this lasts: libfprint drops what comes too early."""
        over = threading.Event()
        thread = threading.Thread(target=self._send, args=(message, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _send(self, message, over):
        while not over.is_set():
            with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(OSError):
                link.connect(self._path)
                while not over.is_set():
                    link.sendall(message)
                    self.sent = time.monotonic()
                    if _hung_up(link, over):
                        break
            over.wait(0.005)


def _hung_up(link, over):
    """Wait until it is time to send again; return whether libfprint has closed the sensor."""
    until = time.monotonic() + _AGAIN
    link.settimeout(0.01)
    while time.monotonic() < until and not over.is_set():
        with contextlib.suppress(TimeoutError):
            return not link.recv(1)
    link.settimeout(1)
    return False


_FOLDER = tempfile.TemporaryDirectory(prefix="fp")  # libfprint looks for the variable once only
_SOCKET = Path(_FOLDER.name) / "socket"


@contextmanager
def sensor():
    """Yield somebody to lay fingers on the sensor that libfprint has in this process."""
    yield Visitor(_SOCKET)


class _Bench:
    def __init__(self, visitor):
        self._visitor = visitor
        self._message = picture(finger())

    def device(self):
        return LibfprintSensor(LibfprintSensor.locate(URI))

    def capture(self, device, timeout):
        visit = self._visitor.sends(self._message) if self._message else contextlib.nullcontext()
        with visit:
            return device.capture(timeout=timeout)

    def is_right(self, sample):
        return np.array_equal(sample.pixels, finger().pixels)

    def misbehave(self, fault):
        code = _SENT[fault]
        self._message = struct.pack("=ii", *code) if code else b""

    def behave(self):
        self._message = picture(finger())

    def last_byte(self):
        return self._visitor.sent


@contextmanager
def _plug_in():
    with sensor() as visitor:
        yield _Bench(visitor)


def missing():
    """Say what this machine lacks; empty if nothing."""
    if ctypes.util.find_library("fprint-2") is None:
        return "needs the system's libfprint (Debian: libfprint-2-2)"
    os.environ[_VARIABLE] = str(_SOCKET)
    try:
        names = [one.name for one in libfprint.seen()]
    except DeviceError as error:
        return f"the system's libfprint does not work: {error}"
    finally:
        del os.environ[_VARIABLE]  # other programs shall not have it
    if "virtual_image@0" not in names:
        return "the system's libfprint was built without its virtual image sensor"
    return ""


RIG = Rig("libfprint", _plug_in, tuple(_SENT), missing=missing())
