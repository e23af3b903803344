# SPDX-License-Identifier: Apache-2.0
"""Video as drivers see it: the modes of a camera, its controls, and frames with number and time.

Addresses: ``video:/dev/video0`` (or any link to it) and ``video:usb-0000:00:14.0-4:1.0``, the USB
controller, chain of ports and interface, which stay the same when nodes are numbered anew.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from ektp_hw.transport.base import Connection

__all__ = [
    "CONTROLS",
    "CameraName",
    "ControlRange",
    "Frame",
    "Layout",
    "Mode",
    "VideoConnection",
    "connect",
]

CONTROLS = {
    "brightness": 0x0098_0900,
    "contrast": 0x0098_0901,
    "gain": 0x0098_0913,
    "exposure_auto": 0x009A_0901,
    "exposure": 0x009A_0902,
    "focus": 0x009A_090A,
    "focus_auto": 0x009A_090C,
}
"""Controls by name, with their numbers in ``linux/v4l2-controls.h``.

``exposure`` counts 100 microseconds; ``exposure_auto`` is 1 for manual and 3 for the aperture
priority of USB cameras.
"""


@dataclass(frozen=True)
class CameraName:
    """What the kernel says of a camera."""

    driver: str
    name: str
    bus: str


@dataclass(frozen=True)
class Mode:
    """A pixel format in one size, with the frame intervals in seconds (none if not told)."""

    form: str
    width: int
    height: int
    intervals: tuple[float, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How the frames lie in memory: bytes a line and bytes a frame at most; seconds a frame."""

    form: str
    width: int
    height: int
    stride: int
    size: int
    interval: float | None = None


@dataclass(frozen=True)
class Frame:
    """One frame's bytes.

    Parameters
    ----------
    data
        As the camera sent them.
    sequence
        The kernel's number of the frame.
    seconds
        When it was taken, on the clock of `time.monotonic`.
    dropped
        Frames that were lost between the one before and this one.
    is_damaged
        The kernel says that parts are missing.
    """

    data: bytes
    sequence: int
    seconds: float
    dropped: int = 0
    is_damaged: bool = False


@dataclass(frozen=True)
class ControlRange:
    """What a control can be set to."""

    minimum: int
    maximum: int
    step: int
    default: int


class VideoConnection(Connection):
    """A camera that is open.

    Every method raises `DeviceRemoved` when the camera has gone, `DeviceBusy` when another program
    takes its frames, and `ProtocolError` when it breaks the rules.
    """

    @abstractmethod
    def name(self) -> CameraName:
        """Ask what it is."""

    @abstractmethod
    def modes(self) -> list[Mode]:
        """List the formats and sizes it has."""

    @abstractmethod
    def configure(self, mode: Mode, interval: float | None = None) -> Layout:
        """Choose a mode and make room for frames; from now on the camera is ours."""

    @abstractmethod
    def start(self) -> None:
        """Begin to send frames."""

    @abstractmethod
    def stop(self) -> None:
        """Send no more frames."""

    @abstractmethod
    def frame(self, timeout: float) -> Frame | None:
        """Return the next frame, None when none came within so many seconds.

        Raises
        ------
        ProtocolError
            Also when the numbers of the frames run backwards, or numbers or clock stand still.
        """

    @abstractmethod
    def control_range(self, name: str) -> ControlRange | None:
        """Return what a control of `CONTROLS` can be set to, None if the camera has none."""

    @abstractmethod
    def control(self, name: str) -> int:
        """Read a control."""

    @abstractmethod
    def set_control(self, name: str, value: int) -> None:
        """Set a control."""

    @abstractmethod
    def unit(self, unit: int, selector: int) -> bytes:
        """Read a control of an extension unit (USB Video Class 1.1, 4.2.2.4)."""

    @abstractmethod
    def set_unit(self, unit: int, selector: int, data: bytes) -> None:
        """Set a control of an extension unit. A wrong one can upset a camera for good."""


def connect(uri: str) -> VideoConnection:
    """Open the camera at an address.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable, DeviceRemoved, ProtocolError
        What is in the way, with what to do about it.
    """
    from ektp_hw.transport.video_node import VideoNode
    from ektp_hw.transport.video_places import node_of

    return VideoNode(node_of(uri), uri)
