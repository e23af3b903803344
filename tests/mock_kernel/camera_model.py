# SPDX-License-Identifier: Apache-2.0
"""What a camera behind V4L2 can be: its formats and controls, and the frames it takes."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Format:
    """A pixel format of one size; `fourcc` is b"GREY", b"Y8I ", b"Y10 ", b"Y16 ", b"YUYV", ..."""

    fourcc: bytes
    width: int
    height: int
    rates: tuple[int, ...] = (30,)
    """Frames a second."""


@dataclass(frozen=True)
class Control:
    """A control; `kind` is 1 for a number, 2 for a switch, 3 for a menu (videodev2.h)."""

    id: int
    name: str
    minimum: int
    maximum: int
    default: int
    step: int = 1
    kind: int = 1
    menu: tuple[str, ...] = ()
    flags: int = 0


@dataclass(frozen=True)
class Frame:
    """A frame, and what is wrong with it.

    Attributes
    ----------
    data
        The pixels; a short frame has fewer than the format promises.
    late
        Seconds after its due time at which it comes.
    sequence
        Its number, by default the right one.
    stamp
        Its time on the monotonic clock in seconds, by default the right one.
    is_damaged
        Whether the kernel marks it as such.
    """

    data: bytes
    late: float = 0.0
    sequence: int | None = None
    stamp: float | None = None
    is_damaged: bool = False


class CameraModel:
    """A camera without hardware; a test's subclass fills in what it needs.

    Attributes
    ----------
    values
        The value of each control, by its id.
    units
        The bytes of each control of an extension unit, by (unit, selector).
    """

    name: ClassVar[str] = "Iris camera (emulated)"
    driver: ClassVar[str] = "uvcvideo"
    ids: ClassVar[tuple[int, int]] = (0x1209, 0x0002)
    serial: ClassVar[str] = "VIDEO1"
    formats: tuple[Format, ...] = (Format(b"GREY", 640, 480),)
    controls: tuple[Control, ...] = ()

    def __init__(self):
        self.values = {one.id: one.default for one in self.controls}
        self.units = {}
        self.unplug = lambda: None

    def on_stream(self, form, per_second):
        """Note that frames are wanted from now on."""

    def frame(self, number, form):
        """Return the frame of that number since streaming began; None: it never comes.

        A `Frame`, or its data where nothing is wrong with it.
        """
        raise NotImplementedError

    def on_control(self, number, value):
        """Take a control's new value; raise OSError to refuse it."""
        self.values[number] = value

    def on_unit(self, unit, selector, data):
        """Take the new value of an extension unit's control; raise OSError to refuse it."""
        self.units[unit, selector] = data
