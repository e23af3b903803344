# SPDX-License-Identifier: Apache-2.0
"""Record what goes over the wire, and play it back to a driver without the device.

A transcript is a text file, one JSON object a line: the call, its arguments, and what came back.
Payloads are base64, deflated where that is shorter, or where `Notes` has rules for it only their
length and hash (`ektp_hw.transport.redaction`). A replay demands exactly the recorded calls in
their order: a different call is an error at once, calls that were never made are one at the end.

What a redacted transcript can still assert: every call, its arguments and their order, every byte
sent, the length of every answer, headers and whatever else a driver's rules keep. Not the
pixels: a test gives phantoms for them where the driver looks at its pictures.
"""

from __future__ import annotations

from ektp_hw.transport.base import UsbConnection
from ektp_hw.transport.notes import Answering, Notes, Noting

__all__ = ["Notes", "Recorder", "Replay"]


class Recorder(Noting[UsbConnection], UsbConnection):
    """Passes every call on to a connection and notes it; the file is written when it is closed.

    Parameters
    ----------
    connection
        The open way to the device; closed with this.
    path
        The file to write with every payload, or the `Notes` to add to.
    """

    def control_out(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        data: bytes = b"",
        timeout: float = 1.0,
    ) -> None:
        """Pass on and note."""
        setup = (request_type, request, value, index, data)
        self._note(
            "control_out", [*setup], lambda: self._connection.control_out(*setup, timeout=timeout)
        )

    def control_in(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        length: int = 0,
        timeout: float = 1.0,
    ) -> bytes:
        """Pass on and note."""
        setup = (request_type, request, value, index, length)
        return self._note(
            "control_in", [*setup], lambda: self._connection.control_in(*setup, timeout=timeout)
        )

    def read(self, endpoint: int, length: int, timeout: float) -> bytes:
        """Pass on and note."""
        return self._note(
            "read", [endpoint, length], lambda: self._connection.read(endpoint, length, timeout)
        )

    def write(self, endpoint: int, data: bytes, timeout: float = 1.0) -> None:
        """Pass on and note."""
        self._note(
            "write", [endpoint, data], lambda: self._connection.write(endpoint, data, timeout)
        )

    def clear_halt(self, endpoint: int) -> None:
        """Pass on and note."""
        self._note("clear_halt", [endpoint], lambda: self._connection.clear_halt(endpoint))


class Replay(Answering, UsbConnection):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Parameters and errors as for `ektp_hw.transport.notes.Answering`.
    """

    def control_out(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        data: bytes = b"",
        timeout: float = 1.0,
    ) -> None:
        """Answer as recorded."""
        del timeout
        self._play("control_out", [request_type, request, value, index, data])

    def control_in(
        self,
        request_type: int,
        request: int,
        value: int = 0,
        index: int = 0,
        length: int = 0,
        timeout: float = 1.0,
    ) -> bytes:
        """Answer as recorded."""
        del timeout
        return self._play("control_in", [request_type, request, value, index, length])

    def read(self, endpoint: int, length: int, timeout: float) -> bytes:
        """Answer as recorded."""
        del timeout
        return self._play("read", [endpoint, length])

    def write(self, endpoint: int, data: bytes, timeout: float = 1.0) -> None:
        """Answer as recorded."""
        del timeout
        self._play("write", [endpoint, data])

    def clear_halt(self, endpoint: int) -> None:
        """Answer as recorded."""
        self._play("clear_halt", [endpoint])
