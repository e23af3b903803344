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

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import DeviceError, DeviceRemoved, ProtocolError
from ektp_hw.transport import redaction
from ektp_hw.transport.base import UsbConnection
from ektp_hw.transport.redaction import pack as _pack

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Notes", "Recorder", "Replay"]

_FAILURES = {"removed": DeviceRemoved, "protocol": ProtocolError}
_SILENCE = 0.005
"""Seconds that a read without an answer takes in an elastic replay."""


class Notes:
    """The transcript of one device over all its connections, in its file after each of them.

    Parameters
    ----------
    path
        The file to write.
    rules
        Which payloads are replaced by length and hash; None keeps all, so record no living person.
    """

    def __init__(self, path: str | Path, rules: redaction.RulesLike | None = None) -> None:
        self._path = Path(path)
        self._lines: list[str] = []
        self._redactor = None if rules is None else redaction.Redactor(rules)

    def add(self, line: dict[str, Any]) -> None:
        """Note one call; a payload that must not be kept is gone from here on."""
        if self._redactor is None:
            self._lines.append(json.dumps(line))
        else:
            self._redactor.add(line)

    def write(self) -> None:
        """Write all lines so far."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = self._lines if self._redactor is None else self._redactor.lines
        self._path.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


class Recorder(UsbConnection):
    """Passes every call on to a connection and notes it; the file is written when it is closed.

    Parameters
    ----------
    connection
        The open way to the device; closed with this.
    path
        The file to write with every payload, or the `Notes` to add to.
    """

    def __init__(self, connection: UsbConnection, path: str | Path | Notes) -> None:
        self._connection = connection
        self._notes = path if isinstance(path, Notes) else Notes(path)
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
            self._notes.write()

    def note(self, call: str, arguments: list[Any], run: Callable[[], bytes | None]) -> bytes:
        """Pass on a call that is none of USB and note it, with bytes among its arguments packed."""
        return self._note(call, _packed(arguments), run)

    def _note(self, call: str, arguments: list[Any], run: Callable[[], bytes | None]) -> bytes:
        line: dict[str, Any] = {"call": call, "with": arguments}
        try:
            answer = run() or b""
        except DeviceError as error:
            failures = [name for name, kind in _FAILURES.items() if isinstance(error, kind)]
            self._notes.add(line | {"fails": (failures or ["protocol"])[0]})
            raise
        self._notes.add(line | ({"gives": _pack(answer)} if answer else {}))
        return answer


class Replay(UsbConnection):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Use it as a context: leaving it without an error demands that every recorded call was made.

    Parameters
    ----------
    path
        The transcript.
    fill
        Makes the content of a payload that was replaced, for drivers that judge their pictures:
        a phantom finger. Without it such a payload is zeros behind the header that was kept.
    elastic
        Do not count reads that brought nothing: how many there are depends on the machine's pace.
        Where no read is recorded, nothing comes for as long as the driver asks.

    Raises
    ------
    ProtocolError
        When a call differs from the recorded one, or recorded calls are left over.
    """

    def __init__(
        self,
        path: str | Path,
        fill: Callable[[redaction.Hidden], bytes] | None = None,
        *,
        elastic: bool = False,
    ) -> None:
        self._path = Path(path)
        self._fill = fill
        self._elastic = elastic
        lines = [json.loads(line) for line in self._path.read_text("ascii").splitlines()]
        self._lines = [line for line in lines if not (elastic and _is_silence(line))]
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

    def _is_read_next(self) -> bool:
        return self._next < len(self._lines) and self._lines[self._next]["call"] == "read"

    def play(self, call: str, arguments: list[Any]) -> bytes:
        """Answer a call that is none of USB as recorded."""
        return self._play(call, _packed(arguments))

    def _play(self, call: str, arguments: list[Any]) -> bytes:
        if self._elastic and call == "read" and not self._is_read_next():
            time.sleep(_SILENCE)
            return b""
        if self._next == len(self._lines):
            raise ProtocolError(
                f"the driver called {call}{arguments} after the last recorded call",
                device=str(self._path),
            )
        line = self._lines[self._next]
        self._next += 1
        if line["call"] != call or not _is_same(call, line["with"], arguments):
            raise ProtocolError(
                f"line {self._next} has {line['call']}{line['with']}, but the driver called "
                f"{call}{arguments}",
                device=str(self._path),
            )
        if "fails" in line:
            raise _FAILURES[line["fails"]]("as recorded", device=str(self._path))
        answer = redaction.payload_of(call, line.get("gives", ""))
        return answer if isinstance(answer, bytes) else answer.filled(self._fill)


def _is_silence(line: dict[str, Any]) -> bool:
    return line["call"] == "read" and not {"gives", "fails"} & line.keys()


def _packed(arguments: list[Any]) -> list[Any]:
    return [_pack(one) if isinstance(one, bytes) else one for one in arguments]


def _is_same(call: str, recorded: list[Any], made: list[Any]) -> bool:
    """Compare arguments; a payload that was replaced goes by its length and hash."""
    if len(recorded) != len(made):
        return False
    for was, now in zip(recorded, made, strict=True):
        hidden = redaction.payload_of(call, was) if isinstance(was, dict) else None
        if isinstance(hidden, redaction.Hidden) and isinstance(now, str):
            if not hidden.matches(redaction.unpack(now)):
                return False
        elif was != now:
            return False
    return True
