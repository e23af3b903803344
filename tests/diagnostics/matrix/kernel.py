# SPDX-License-Identifier: Apache-2.0
"""Troubles of devices behind the mock kernel: real libusb, real drivers, node by node."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from diagnostics.matrix.bench import Trouble
from ektp_hw.diagnostics.findings import Cause
from ektp_hw.synthetic import SyntheticEye
from ektp_hw.virtual.scanner import VirtualScanner
from mock_kernel import CameraModel, Format, UsbDevice, VideoDevice, start

__all__ = ["SOUND", "TROUBLES"]

_STATION = ("fingerprint", "camera")


class Portrait(CameraModel):
    """A camera in colour, as photographs for the card are taken with.

    Parameters
    ----------
    pictures
        Grey pictures that it shows over and over; none: no frame ever comes.
    lasts
        Frames until its cable is pulled.
    """

    name = "HD Webcam (emulated)"
    formats = (Format(b"YUYV", 640, 480, (30,)),)

    def __init__(self, pictures: list[Any], lasts: int | None = None) -> None:
        super().__init__()
        self.lasts = lasts
        self.frames = [np.stack([grey, np.full_like(grey, 128)], axis=-1) for grey in pictures]

    def frame(self, number: int, _form: Format) -> bytes | None:
        """Return the next one."""
        if number == self.lasts:
            self.unplug()
        return self.frames[number % len(self.frames)].tobytes() if self.frames else None


@cache
def _pictures() -> list[Any]:
    eye = SyntheticEye(5)
    return [eye.capture(number, opening=1.0).image.pixels for number in range(3)]


def _dark() -> list[Any]:
    return [np.full((480, 640), grey, np.uint8) for grey in (3, 4)]


def _scanner(**how: Any) -> UsbDevice:
    scanner = VirtualScanner()
    scanner.present(None)
    if fault := how.pop("fault", ""):
        scanner.misbehave(fault, times=200)
    return UsbDevice(scanner, **how)


def _plugged(*make: Callable[[], Any]) -> Callable[[Any], None]:
    def plug_in(machine: Any) -> None:
        for each in make:
            machine.plug(each())

    return plug_in


def _camera(pictures: Callable[[], list[Any]], lasts: int | None = None) -> Callable[[], Any]:
    return lambda: VideoDevice(Portrait(pictures(), lasts))


def nodes_of_root(machine: Any) -> None:
    """Plug all in, with nodes that only root may open."""
    _plugged(_scanner, _camera(_pictures))(machine)
    machine.root.chmod(0o777)  # the mock kernel lets programs make their sockets there
    for socket in (machine.root / "ioctl").rglob("*"):
        socket.chmod(0o777)
    for node in (machine.root / "dev").rglob("*"):
        if not node.is_dir() and not node.is_symlink():
            node.chmod(0o600)


def held_by_program(machine: Any) -> Any:
    """Plug all in, and let another program open the scanner and keep it; return the program."""
    _plugged(_scanner, _camera(_pictures))(machine)
    program = start(machine, _HOLD)
    program.wait_for("open")
    return program


_HOLD = """
with hw.open_device("usb:1b55:0840"):
    print("open", flush=True)
    input()
"""


def _kernel(name: str, cause: Cause, plug_in: Callable[[Any], None], **more: Any) -> Trouble:
    return Trouble(f"mock kernel: {name}", (cause,), kernel=plug_in,
                   profile={"expects": _STATION}, **more)  # fmt: skip


SOUND = Trouble(
    "mock kernel: nothing is broken",
    kernel=_plugged(_scanner, _camera(_pictures)),
    profile={"expects": _STATION},
)
_CAMERA, _CABLE, _DRIVER = Cause.CAMERA, Cause.CABLE_OR_POWER, Cause.DRIVER
TROUBLES = (
    _kernel("the portrait camera shows one frozen picture", _CAMERA,
            _plugged(_scanner, _camera(lambda: _pictures()[:1]))),
    _kernel("the portrait camera sees nothing but black", _CAMERA,
            _plugged(_scanner, _camera(_dark))),
    _kernel("the portrait camera sends no picture", _CAMERA,
            _plugged(_scanner, _camera(list))),
    _kernel("the portrait camera's cable is pulled between pictures", _CABLE,
            _plugged(_scanner, _camera(_pictures, lasts=3))),
    _kernel("there is no portrait camera", _CABLE, _plugged(_scanner)),
    _kernel("nothing is plugged in at all", _CABLE, _plugged()),
    _kernel("the scanner refuses every picture", Cause.FINGERPRINT,
            _plugged(lambda: _scanner(fault="stall"), _camera(_pictures))),
    _kernel("a driver of the kernel holds the scanner", _DRIVER,
            _plugged(lambda: _scanner(held_by="usbtest"), _camera(_pictures))),
    _kernel("another program keeps the scanner open", _DRIVER, held_by_program),
    _kernel("the scanner's cable is pulled during a picture", _CABLE,
            _plugged(lambda: _scanner(fault="unplug"), _camera(_pictures))),
    _kernel("all nodes belong to root", Cause.PERMISSION, nodes_of_root, as_nobody=True),
)  # fmt: skip
