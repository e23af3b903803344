# SPDX-License-Identifier: Apache-2.0
"""The contract of pads with a screen: clear it, show a picture, show text.

A driver stands on it together with its kind: ``class Acme(PadDisplay, SignaturePad)``. What was
shown stays for the next capture, as what is to be signed; any other capture clears the screen.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ektp_hw.devices.base import Device
from ektp_hw.devices.wait import CaptureWait
from ektp_hw.errors import DeviceUnavailable, SampleError, UnavailableReason

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]

__all__ = ["PadDisplay", "Screen", "text_picture"]

_LARGEST_TEXT = 0.25
"""Of the screen's height: larger letters look silly on a line that is short."""
_SMALLEST_TEXT = 8
"""Pixels of height below which letters cannot be read."""


class Screen(NamedTuple):
    """Width and height in pixels, and whether it shows colours."""

    width: int
    height: int
    has_colour: bool


class PadDisplay(Device):
    """A pad whose screen can be written on."""

    _is_written = False

    @property
    @abstractmethod
    def screen(self) -> Screen:
        """The screen's size, known once the pad is open; 0 by 0 if it has none."""

    def clear_screen(self, timeout: float = 5.0, cancel: threading.Event | None = None) -> None:
        """Make the screen empty.

        Raises
        ------
        CaptureTimeout, CaptureCancelled, DeviceRemoved, ProtocolError, DeviceBusy, DeviceError
            As for `SignaturePad.capture`; `DeviceError` when the pad is closed.
        """
        with self._exclusive():
            self._clear(self._display_wait(timeout, cancel))
            self._is_written = False

    def show_picture(
        self,
        picture: Picture,
        timeout: float = 30.0,
        cancel: threading.Event | None = None,
    ) -> None:
        """Show a picture in the middle of an otherwise white screen.

        Parameters
        ----------
        picture
            Shape (height, width) for grey or (height, width, 3) for red, green, blue; uint8; not
            larger than the screen. Screens without colours draw what is darker than middle grey.
        timeout, cancel
            For the whole transfer, which takes seconds on colour screens. A picture that was
            ended early is not shown.

        Raises
        ------
        SampleError
            If it is no such picture.
        DeviceUnavailable
            If the pad has no screen.
        CaptureTimeout, CaptureCancelled, DeviceRemoved, ProtocolError, DeviceBusy, DeviceError
            As for `clear_screen`.
        """
        with self._exclusive():
            whole = _on_white(picture, self._required_screen(), self.info.uri)
            self._show(whole, self._display_wait(timeout, cancel))
            self._is_written = True

    def show_text(
        self, text: str, timeout: float = 30.0, cancel: threading.Event | None = None
    ) -> None:
        """Show black text on white, as large as fits, wrapped at spaces and centred.

        Raises
        ------
        ValueError
            If the text is empty, or too long to be read on that screen.
        DeviceUnavailable, CaptureTimeout, CaptureCancelled, DeviceRemoved, ProtocolError
            As for `show_picture`.
        """
        with self._exclusive():
            picture = text_picture(text, self._required_screen())
            self._show(picture, self._display_wait(timeout, cancel))
            self._is_written = True

    def _prepare_screen(self, wait: CaptureWait) -> None:
        """Clear the screen for a capture, unless something was shown for this one."""
        is_written, self._is_written = self._is_written, False
        if not is_written:
            self._clear(wait)

    @abstractmethod
    def _clear(self, wait: CaptureWait) -> None:
        """Make the screen empty and wait until the pad takes requests again."""

    @abstractmethod
    def _show(self, picture: Picture, wait: CaptureWait) -> None:
        """Show a picture of the screen's size; abandon it if `wait.check` raises."""

    def _display_wait(self, timeout: float, cancel: threading.Event | None) -> CaptureWait:
        return CaptureWait(
            timeout, cancel, self._closing, device=self.info.uri,
            missing="the screen was not drawn",
        )  # fmt: skip

    def _required_screen(self) -> Screen:
        screen = self.screen
        if not (screen.width and screen.height):
            raise DeviceUnavailable(
                "the pad has no screen to show this on; use the station's own screen",
                reason=UnavailableReason.UNSUPPORTED,
                device=self.info.uri,
            )
        return screen


def text_picture(text: str, screen: Screen) -> Picture:
    """Draw text as large as fits on that screen; grey, shape (height, width).

    Raises
    ------
    ValueError
        If there is no text, or letters would be too small to be read.
    """
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    if not text.strip():
        raise ValueError("there is no text to show; give some")
    pen = ImageDraw.Draw(Image.new("L", (1, 1)))
    largest = max(_SMALLEST_TEXT, int(screen.height * _LARGEST_TEXT))
    for size in range(largest, _SMALLEST_TEXT - 1, -1):
        font = ImageFont.load_default(size)
        lines = _wrapped(text, partial(pen.textlength, font=font), screen.width)
        box = pen.multiline_textbbox((0, 0), "\n".join(lines), font, align="center")
        wide, tall = box[2] - box[0], box[3] - box[1]
        if wide <= screen.width and tall <= screen.height:
            break
    else:
        raise ValueError(
            f"a text of {len(text)} characters cannot be read on a screen of {screen.width} x "
            f"{screen.height} pixels; shorten it"
        )
    page = Image.new("L", (screen.width, screen.height), 255)
    corner = ((screen.width - wide) / 2 - box[0], (screen.height - tall) / 2 - box[1])
    ImageDraw.Draw(page).multiline_text(corner, "\n".join(lines), 0, font, align="center")
    return np.where(np.asarray(page) < 128, 0, 255).astype(np.uint8)


def _wrapped(text: str, length: Callable[[str], float], width: int) -> list[str]:
    """Break lines at spaces so that none is longer than `width` where that can be done."""
    lines = []
    for paragraph in text.strip().splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and length(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def _on_white(picture: Picture, screen: Screen, uri: str) -> Picture:
    """Lay a picture in the middle of a white one of the screen's size."""
    import numpy as np

    seen = np.asarray(picture)
    if seen.dtype != np.uint8 or seen.ndim not in {2, 3} or seen.shape[2:] not in {(), (3,)}:
        raise SampleError(
            f"{uri}: a picture for the screen has shape (height, width) or (height, width, 3) "
            f"and values of uint8, not {seen.shape} of {seen.dtype}; convert it first"
        )
    height, width = seen.shape[:2]
    if not (1 <= height <= screen.height and 1 <= width <= screen.width):
        raise SampleError(
            f"{uri}: a picture of {width} x {height} pixels does not fit the screen of "
            f"{screen.width} x {screen.height}; make it smaller"
        )
    whole = np.full((screen.height, screen.width, *seen.shape[2:]), 255, np.uint8)
    top, left = (screen.height - height) // 2, (screen.width - width) // 2
    whole[top : top + height, left : left + width] = seen
    return whole
