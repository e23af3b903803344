# SPDX-License-Identifier: Apache-2.0
"""Transcripts of serial lines: recorded and replayed as those of USB are.

Reads are noted in the pieces in which they came, so a replay gives a driver the same pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ektp_hw.transport.base import SerialConnection
from ektp_hw.transport.transcript import Recorder, Replay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ektp_hw.transport.redaction import Hidden
    from ektp_hw.transport.transcript import Notes

__all__ = ["SerialRecorder", "SerialReplay"]


class SerialRecorder(SerialConnection):
    """Passes every call on to a line and notes it; the file is written when it is closed.

    Parameters
    ----------
    connection
        The open line; closed with this.
    path
        The file to write with every payload, or the `Notes` to add to.
    """

    def __init__(self, connection: SerialConnection, path: str | Path | Notes) -> None:
        self._line = connection
        self._notes = Recorder(cast("Any", connection), path)  # used to note and close, as any

    def read(self, length: int, timeout: float) -> bytes:
        """Pass on and note."""
        return self._notes.note("read", [length], lambda: self._line.read(length, timeout))

    def write(self, data: bytes, timeout: float = 1.0) -> None:
        """Pass on and note."""
        self._notes.note("write", [data], lambda: self._line.write(data, timeout))

    def discard(self) -> None:
        """Pass on and note."""
        self._notes.note("discard", [], self._line.discard)

    def set_baud(self, baud: int) -> None:
        """Pass on and note."""
        self._notes.note("set_baud", [baud], lambda: self._line.set_baud(baud))

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> bool:
        """Pass on and note."""

        def switch() -> bytes:
            return b"\1" if self._line.set_lines(dtr=dtr, rts=rts) else b""

        return bool(self._notes.note("set_lines", [dtr, rts], switch))

    def cancel_read(self) -> None:
        """Pass on."""
        self._line.cancel_read()

    def close(self) -> None:
        """Close the line and write the file."""
        self._notes.close()


class SerialReplay(SerialConnection):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Use it as a context: leaving it without an error demands that every recorded call was made.

    Parameters
    ----------
    path, fill
        As for `Replay`.

    Raises
    ------
    ProtocolError
        When a call differs from the recorded one, or recorded calls are left over.
    """

    def __init__(self, path: str | Path, fill: Callable[[Hidden], bytes] | None = None) -> None:
        self._replay = Replay(path, fill)

    def read(self, length: int, timeout: float) -> bytes:
        """Answer as recorded."""
        del timeout
        return self._replay.play("read", [length])

    def write(self, data: bytes, timeout: float = 1.0) -> None:
        """Answer as recorded."""
        del timeout
        self._replay.play("write", [data])

    def discard(self) -> None:
        """Answer as recorded."""
        self._replay.play("discard", [])

    def set_baud(self, baud: int) -> None:
        """Answer as recorded."""
        self._replay.play("set_baud", [baud])

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> bool:
        """Answer as recorded."""
        return bool(self._replay.play("set_lines", [dtr, rts]))

    def cancel_read(self) -> None:
        """Do nothing: a replay never waits."""

    def close(self) -> None:
        """Do nothing: a driver may close and open again within one transcript."""

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._replay.finish()
