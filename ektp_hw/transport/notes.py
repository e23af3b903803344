# SPDX-License-Identifier: Apache-2.0
"""What recorders and replays of all buses share: the file's lines, noting a call, answering one.

A line is a JSON object: ``call``; ``with``, the call's numbers and payloads; ``of``, the name of
what it is about, where it has one; ``gives``, the payload that came back, ``tells``, an answer that
is none, or ``fails``. How payloads are written: `ektp_hw.transport.redaction`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ektp_hw.errors import DeviceBusy, DeviceError, DeviceRemoved, ProtocolError
from ektp_hw.transport import redaction
from ektp_hw.transport.base import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Answering", "Notes", "Noting", "call_line"]

_FAILURES = {"removed": DeviceRemoved, "busy": DeviceBusy, "protocol": ProtocolError}
_SILENCE = 0.005
"""Seconds that a read without an answer takes in an elastic replay."""
_C = TypeVar("_C", bound=Connection)
_T = TypeVar("_T")


def call_line(call: str, arguments: list[Any], of: str = "") -> dict[str, Any]:
    """Return the line of a call, so far without its answer; bytes are payloads."""
    payloads = (bytes, bytearray, memoryview)
    packed = [redaction.pack(bytes(one)) if isinstance(one, payloads) else one for one in arguments]
    return {"call": call, **({"of": of} if of else {}), "with": packed}


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


class Noting(Connection, Generic[_C]):
    """The half of a recorder that notes; it stands before the kind of connection in its bases.

    Parameters
    ----------
    connection
        The open way to the device; closed with this.
    path
        The file to write with every payload, or the `Notes` to add to.
    """

    def __init__(self, connection: _C, path: str | Path | Notes) -> None:
        self._connection = connection
        self._notes = path if isinstance(path, Notes) else Notes(path)
        self._written = False

    def close(self) -> None:
        """Close the connection and write the file."""
        self._connection.close()
        if not self._written:
            self._written = True
            self._notes.write()

    def _note(self, call: str, arguments: list[Any], run: Callable[[], bytes | None]) -> bytes:
        """Pass a call on and note it; bytes among its arguments and the answer are payloads."""
        return self._note_line(
            call_line(call, arguments),
            lambda: run() or b"",
            lambda answer: {"gives": redaction.pack(answer)} if answer else {},
        )

    def _note_line(
        self,
        line: dict[str, Any],
        run: Callable[[], _T],
        written: Callable[[_T], dict[str, Any] | None],
    ) -> _T:
        """Pass a call on and note it with what `written` makes of the answer; None: not at all."""
        try:
            answer = run()
        except DeviceError as error:
            failures = [name for name, kind in _FAILURES.items() if isinstance(error, kind)]
            self._notes.add(line | {"fails": (failures or ["protocol"])[0]})
            raise
        more = written(answer)
        if more is not None:
            self._notes.add(line | more)
        return answer


class Answering(Connection):
    """The half of a replay that answers; it stands before the kind of connection in its bases.

    Time limits are not replayed. Use it as a context: leaving it without an error demands that
    every recorded call was made.

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

    def _play(self, call: str, arguments: list[Any]) -> bytes:
        """Answer a call as recorded."""
        if self._elastic and call == "read" and not self._is_read_next():
            time.sleep(_SILENCE)
            return b""
        return self._payload(self._recorded(call_line(call, arguments)))

    def _is_read_next(self) -> bool:
        return self._next < len(self._lines) and self._lines[self._next]["call"] == "read"

    def _recorded(self, made: dict[str, Any]) -> dict[str, Any]:
        """Return the next line, which must record this call; raise what it failed with."""
        if self._next == len(self._lines):
            raise ProtocolError(
                f"the driver called {_said(made)} after the last recorded call",
                device=str(self._path),
            )
        line: dict[str, Any] = self._lines[self._next]
        self._next += 1
        if not _is_same(line, made):
            raise ProtocolError(
                f"line {self._next} has {_said(line)}, but the driver called {_said(made)}",
                device=str(self._path),
            )
        if "fails" in line:
            raise _FAILURES[line["fails"]]("as recorded", device=str(self._path))
        return line

    def _payload(self, line: dict[str, Any]) -> bytes:
        """Return the payload that a line gives; filled if only its length was kept."""
        answer = redaction.payload_of(line["call"], line.get("gives", ""))
        return answer if isinstance(answer, bytes) else answer.filled(self._fill)


def _is_silence(line: dict[str, Any]) -> bool:
    return line["call"] == "read" and not {"gives", "fails"} & line.keys()


def _said(line: dict[str, Any]) -> str:
    return f"{line['call']}{[*([line['of']] if 'of' in line else []), *line['with']]}"


def _is_same(line: dict[str, Any], made: dict[str, Any]) -> bool:
    """Compare calls; a payload that was replaced goes by its length and hash."""
    recorded = line["with"]
    if [line["call"], line.get("of"), len(recorded)] != [
        made["call"], made.get("of"), len(made["with"])
    ]:  # fmt: skip
        return False
    for was, now in zip(recorded, made["with"], strict=True):
        hidden = redaction.payload_of(line["call"], was) if isinstance(was, dict) else None
        if isinstance(hidden, redaction.Hidden) and isinstance(now, str):
            if not hidden.matches(redaction.unpack(now)):
                return False
        elif was != now:
            return False
    return True
