# SPDX-License-Identifier: Apache-2.0
"""Transcripts of device nodes (hidraw, evdev): recorded and replayed as those of USB are."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, cast

from ektp_hw.transport.node import DeviceNode
from ektp_hw.transport.transcript import Recorder, Replay

if TYPE_CHECKING:
    from pathlib import Path

    from ektp_hw.transport.transcript import Notes

__all__ = ["NodeRecorder", "NodeReplay"]

_RESULT = struct.Struct("<i")


class NodeRecorder(DeviceNode):
    """Passes every call on to a node and notes it; the file is written when it is closed.

    Parameters
    ----------
    node
        The open node; closed with this.
    path
        The file to write with every payload, or the `Notes` to add to.
    """

    def __init__(self, node: DeviceNode, path: str | Path | Notes) -> None:
        self.uri = node.uri
        self._node = node
        self._notes = Recorder(cast("Any", node), path)  # used to note and close, as any

    def read(self, length: int, timeout: float) -> bytes:
        """Pass on and note."""
        return self._notes.note("read", [length], lambda: self._node.read(length, timeout))

    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Pass on and note what was asked, what came back, and the result in front of it."""

        def ask() -> bytes:
            result = self._node.request(number, buffer, timeout)
            return _RESULT.pack(result) + bytes(buffer)

        answer = self._notes.note("request", [number, bytes(buffer)], ask)
        return int(_RESULT.unpack_from(answer)[0])

    def probe(self) -> None:
        """Pass on: it tells nothing of what the driver does."""
        self._node.probe()

    def close(self) -> None:
        """Close the node and write the file."""
        self._notes.close()


class NodeReplay(DeviceNode):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Use it as a context: leaving it without an error demands that every recorded call was made.

    Raises
    ------
    ProtocolError
        When a call differs from the recorded one, or recorded calls are left over.
    """

    def __init__(self, path: str | Path) -> None:
        self.uri = str(path)
        self._replay = Replay(path)

    def read(self, length: int, timeout: float) -> bytes:
        """Answer as recorded."""
        del timeout
        return self._replay.play("read", [length])

    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Answer as recorded."""
        del timeout
        answer = self._replay.play("request", [number, bytes(buffer)])
        buffer[:] = answer[_RESULT.size :]
        return int(_RESULT.unpack_from(answer)[0])

    def close(self) -> None:
        """Do nothing: a driver may close and open again within one transcript."""

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._replay.finish()
