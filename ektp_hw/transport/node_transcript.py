# SPDX-License-Identifier: Apache-2.0
"""Transcripts of device nodes (hidraw, evdev): recorded and replayed as those of USB are."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ektp_hw.transport.node import DeviceNode
from ektp_hw.transport.notes import Answering, Notes, Noting

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NodeRecorder", "NodeReplay"]

_RESULT = struct.Struct("<i")


class NodeRecorder(Noting[DeviceNode], DeviceNode):
    """Passes every call on to a node and notes it; the file is written when it is closed.

    Parameters
    ----------
    node
        The open node; closed with this.
    path
        The file to write with every payload, or the `Notes` to add to.
    """

    def __init__(self, node: DeviceNode, path: str | Path | Notes) -> None:
        super().__init__(node, path)
        self.uri = node.uri

    def read(self, length: int, timeout: float) -> bytes:
        """Pass on and note."""
        return self._note("read", [length], lambda: self._connection.read(length, timeout))

    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Pass on and note what was asked, what came back, and the result in front of it."""

        def ask() -> bytes:
            result = self._connection.request(number, buffer, timeout)
            return _RESULT.pack(result) + bytes(buffer)

        answer = self._note("request", [number, bytes(buffer)], ask)
        return int(_RESULT.unpack_from(answer)[0])

    def probe(self) -> None:
        """Pass on: it tells nothing of what the driver does."""
        self._connection.probe()


class NodeReplay(Answering, DeviceNode):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Raises
    ------
    ProtocolError
        When a call differs from the recorded one, or recorded calls are left over.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self.uri = str(path)

    def read(self, length: int, timeout: float) -> bytes:
        """Answer as recorded."""
        del timeout
        return self._play("read", [length])

    def request(self, number: int, buffer: bytearray, timeout: float = 1.0) -> int:
        """Answer as recorded."""
        del timeout
        answer = self._play("request", [number, bytes(buffer)])
        buffer[:] = answer[_RESULT.size :]
        return int(_RESULT.unpack_from(answer)[0])
