# SPDX-License-Identifier: Apache-2.0
"""Transcripts of serial lines: recorded and replayed as those of USB are.

Reads are noted in the pieces in which they came, so a replay gives a driver the same pieces.
"""

from __future__ import annotations

from ektp_hw.transport.base import SerialConnection
from ektp_hw.transport.notes import Answering, Noting

__all__ = ["SerialRecorder", "SerialReplay"]


class SerialRecorder(Noting[SerialConnection], SerialConnection):
    """Passes every call on to a line and notes it; the file is written when it is closed.

    Parameters
    ----------
    connection
        The open line; closed with this.
    path
        The file to write with every payload, or the `Notes` to add to.
    """

    def read(self, length: int, timeout: float) -> bytes:
        """Pass on and note."""
        return self._note("read", [length], lambda: self._connection.read(length, timeout))

    def write(self, data: bytes, timeout: float = 1.0) -> None:
        """Pass on and note."""
        self._note("write", [data], lambda: self._connection.write(data, timeout))

    def discard(self) -> None:
        """Pass on and note."""
        self._note("discard", [], self._connection.discard)

    def set_baud(self, baud: int) -> None:
        """Pass on and note."""
        self._note("set_baud", [baud], lambda: self._connection.set_baud(baud))

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> bool:
        """Pass on and note."""

        def switch() -> bytes:
            return b"\1" if self._connection.set_lines(dtr=dtr, rts=rts) else b""

        return bool(self._note("set_lines", [dtr, rts], switch))

    def cancel_read(self) -> None:
        """Pass on."""
        self._connection.cancel_read()


class SerialReplay(Answering, SerialConnection):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Parameters and errors as for `ektp_hw.transport.notes.Answering`.
    """

    def read(self, length: int, timeout: float) -> bytes:
        """Answer as recorded."""
        del timeout
        return self._play("read", [length])

    def write(self, data: bytes, timeout: float = 1.0) -> None:
        """Answer as recorded."""
        del timeout
        self._play("write", [data])

    def discard(self) -> None:
        """Answer as recorded."""
        self._play("discard", [])

    def set_baud(self, baud: int) -> None:
        """Answer as recorded."""
        self._play("set_baud", [baud])

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> bool:
        """Answer as recorded."""
        return bool(self._play("set_lines", [dtr, rts]))

    def cancel_read(self) -> None:
        """Do nothing: a replay never waits."""
