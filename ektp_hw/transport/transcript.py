# SPDX-License-Identifier: Apache-2.0
"""Record what goes over the wire, and play it back to a driver without the device.

A transcript is a text file, one JSON object a line: the call, its arguments, and what came back.
Payloads are base64, deflated where that is shorter. A replay demands exactly the recorded calls in
their order: a different call is an error at once, calls that were never made are one at the end.

A transcript holds whatever the device sent, so record only synthetic fingers.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import DeviceError, DeviceRemoved, ProtocolError
from ektp_hw.transport.base import UsbConnection

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Recorder", "Replay"]

_FAILURES = {"removed": DeviceRemoved, "protocol": ProtocolError}
_WORTH_DEFLATING = 64


class Recorder(UsbConnection):
    """Passes every call on to a connection and notes it; the file is written when it is closed.

    Parameters
    ----------
    connection
        The open way to the device; closed with this.
    path
        The file to write.
    """

    def __init__(self, connection: UsbConnection, path: str | Path) -> None:
        self._connection = connection
        self._path = Path(path)
        self._lines: list[str] = []
        self._written = False

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
            "control_out", [*setup[:4], _pack(data)],
            lambda: self._connection.control_out(*setup, timeout=timeout),
        )  # fmt: skip

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
            "write", [endpoint, _pack(data)],
            lambda: self._connection.write(endpoint, data, timeout),
        )  # fmt: skip

    def clear_halt(self, endpoint: int) -> None:
        """Pass on and note."""
        self._note("clear_halt", [endpoint], lambda: self._connection.clear_halt(endpoint))

    def close(self) -> None:
        """Close the connection and write the file."""
        self._connection.close()
        if not self._written:
            self._written = True
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text("".join(f"{line}\n" for line in self._lines), encoding="ascii")

    def note(self, call: str, arguments: list[Any], run: Callable[[], bytes | None]) -> bytes:
        """Pass on a call that is none of USB and note it, with bytes among its arguments packed."""
        return self._note(call, _packed(arguments), run)

    def _note(self, call: str, arguments: list[Any], run: Callable[[], bytes | None]) -> bytes:
        line: dict[str, Any] = {"call": call, "with": arguments}
        try:
            answer = run() or b""
        except DeviceError as error:
            failures = [name for name, kind in _FAILURES.items() if isinstance(error, kind)]
            self._lines.append(json.dumps(line | {"fails": (failures or ["protocol"])[0]}))
            raise
        self._lines.append(json.dumps(line | ({"gives": _pack(answer)} if answer else {})))
        return answer


class Replay(UsbConnection):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Use it as a context: leaving it without an error demands that every recorded call was made.

    Raises
    ------
    ProtocolError
        When a call differs from the recorded one, or recorded calls are left over.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lines = [json.loads(line) for line in self._path.read_text("ascii").splitlines()]
        self._next = 0

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
        self._play("control_out", [request_type, request, value, index, _pack(data)])

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
        self._play("write", [endpoint, _pack(data)])

    def clear_halt(self, endpoint: int) -> None:
        """Answer as recorded."""
        self._play("clear_halt", [endpoint])

    def close(self) -> None:
        """Do nothing: a driver may close and open again within one transcript."""

    def finish(self) -> None:
        """Demand that every recorded call was made."""
        left = len(self._lines) - self._next
        if left:
            raise ProtocolError(
                f"{left} recorded calls were never made, the first is on line {self._next + 1}",
                device=str(self._path),
            )

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.finish()

    def play(self, call: str, arguments: list[Any]) -> bytes:
        """Answer a call that is none of USB as recorded."""
        return self._play(call, _packed(arguments))

    def _play(self, call: str, arguments: list[Any]) -> bytes:
        if self._next == len(self._lines):
            raise ProtocolError(
                f"the driver called {call}{arguments} after the last recorded call",
                device=str(self._path),
            )
        line = self._lines[self._next]
        self._next += 1
        if (line["call"], line["with"]) != (call, arguments):
            raise ProtocolError(
                f"line {self._next} has {line['call']}{line['with']}, but the driver called "
                f"{call}{arguments}",
                device=str(self._path),
            )
        if "fails" in line:
            raise _FAILURES[line["fails"]]("as recorded", device=str(self._path))
        return _unpack(line.get("gives", ""))


def _packed(arguments: list[Any]) -> list[Any]:
    return [_pack(one) if isinstance(one, bytes) else one for one in arguments]


def _pack(data: bytes) -> str:
    plain = bytes(data)
    if len(plain) >= _WORTH_DEFLATING and len(tight := zlib.compress(plain, 9)) < len(plain):
        return "z:" + base64.b64encode(tight).decode("ascii")
    return base64.b64encode(plain).decode("ascii")


def _unpack(text: str) -> bytes:
    if text.startswith("z:"):
        return zlib.decompress(base64.b64decode(text[2:]))
    return base64.b64decode(text)
