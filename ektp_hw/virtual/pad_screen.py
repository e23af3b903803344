# SPDX-License-Identifier: Apache-2.0
"""The screen of a virtual signature pad: takes pictures in reports as Wacom's STU pads do."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from ektp_hw.transport.stu_pictures import Encoding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]

__all__ = ["PadScreen"]

WRONG_STATE, WRONG_PARAMETER, GRAPHICS = 0x02, 0x04, 0x10


class PadScreen:
    """What is shown, and what is being received.

    Attributes
    ----------
    shown
        Shape (height, width) or (height, width, 3), uint8; white when nothing is shown.
    """

    def __init__(self, width: int, height: int, encodings: int) -> None:
        self.width, self.height = width, height
        self._taken = {
            Encoding.MONO_ZLIB: encodings & 1, Encoding.MONO: encodings & 2,
            Encoding.RGB565: encodings & 4, Encoding.BGR24: encodings & 8,
        }  # fmt: skip
        self._encoding: Encoding | None = None
        self._data = bytearray()
        self.shown = self._white()

    @property
    def is_receiving(self) -> bool:
        """Whether a picture was begun and not ended."""
        return self._encoding is not None

    def clear(self) -> None:
        """Show nothing."""
        self.shown = self._white()

    def begin(self, encoding: int) -> int:
        """Begin to receive; return the error's code, 0 if there is none."""
        if not self._taken.get(encoding):  # type: ignore[call-overload]  # an int finds its name
            return WRONG_PARAMETER
        self._encoding, self._data = Encoding(encoding), bytearray()
        return 0

    def receive(self, content: bytes) -> int:
        """Take a block; return the error's code."""
        if self._encoding is None:
            return WRONG_STATE
        count = int.from_bytes(content[:2], "little")
        if len(content) != 255 or not 1 <= count <= 253:
            return WRONG_PARAMETER
        self._data += content[2 : 2 + count]
        return 0

    def end(self, how: int) -> int:
        """Show (0) or abandon (1) what was received; return the error's code."""
        encoding, self._encoding = self._encoding, None
        if encoding is None:
            return WRONG_STATE
        if how == 0:
            picture = self._decoded(encoding, bytes(self._data))
            if picture is None:
                return GRAPHICS
            self.shown = picture
        return 0

    def _white(self) -> Picture:
        import numpy as np

        return np.full((self.height, self.width), 255, np.uint8)

    def _decoded(self, encoding: Encoding, data: bytes) -> Picture | None:
        import numpy as np

        wide = -(-self.width // 8)
        if encoding is Encoding.MONO_ZLIB:
            data = zlib.decompress(data)
        sizes = {Encoding.RGB565: self.width * 2, Encoding.BGR24: self.width * 3}
        if len(data) != sizes.get(encoding, wide) * self.height:
            return None
        if encoding is Encoding.BGR24:
            bgr = np.frombuffer(data, np.uint8).reshape(self.height, self.width, 3)
            return bgr[..., ::-1]
        if encoding is Encoding.RGB565:
            word = np.frombuffer(data, ">u2").reshape(self.height, self.width).astype(np.uint16)
            five = [(word >> 11) & 31, word & 31]
            red, blue = (part << 3 | part >> 2 for part in five)
            green = ((word >> 5) & 63) << 2 | ((word >> 5) & 63) >> 4
            return np.stack([red, green, blue], axis=2).astype(np.uint8)
        bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(self.height, wide), axis=1)
        return bits[:, : self.width] * np.uint8(255)
