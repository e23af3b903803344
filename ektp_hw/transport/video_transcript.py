# SPDX-License-Identifier: Apache-2.0
"""Record what passes between a driver and a camera, and play it back without the camera.

The same kind of file as `ektp_hw.transport.transcript` makes of USB traffic: one JSON object a
line, the call, its arguments, and what came back. A replay demands exactly the recorded calls in
their order. Of a frame it holds the length and the hash, unless the whole frame is asked for, which
is for synthetic eyes only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import DeviceBusy, DeviceError, DeviceRemoved, ProtocolError
from ektp_hw.transport.video import (
    Card,
    ControlRange,
    Frame,
    Layout,
    Mode,
    VideoConnection,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VideoRecorder", "VideoReplay"]

_FAILURES = {"removed": DeviceRemoved, "busy": DeviceBusy, "protocol": ProtocolError}


class _Calls(VideoConnection):
    """Turns every call into its name and arguments of JSON, and answers of JSON into values."""

    def _pass(self, call: str, arguments: list[Any], run: Callable[[VideoConnection], Any]) -> Any:  # noqa: ANN401
        raise NotImplementedError

    def card(self) -> Card:
        """Pass on."""
        return Card(**self._pass("card", [], lambda camera: asdict(camera.card())))

    def modes(self) -> list[Mode]:
        """Pass on."""
        told = self._pass("modes", [], lambda camera: [asdict(one) for one in camera.modes()])
        return [Mode(**{**one, "intervals": tuple(one["intervals"])}) for one in told]

    def configure(self, mode: Mode, interval: float | None = None) -> Layout:
        """Pass on."""
        wanted = [mode.form, mode.width, mode.height, interval]
        return Layout(
            **self._pass(
                "configure", wanted, lambda camera: asdict(camera.configure(mode, interval))
            )
        )

    def start(self) -> None:
        """Pass on."""
        self._pass("start", [], lambda camera: camera.start())

    def stop(self) -> None:
        """Pass on."""
        self._pass("stop", [], lambda camera: camera.stop())

    def frame(self, timeout: float) -> Frame | None:
        """Pass on; the time limit is not part of the record."""
        told = self._pass("frame", [], lambda camera: _packed(camera.frame(timeout)))
        return None if told is None else Frame(**{**told, "data": _unpack(told["data"])})

    def control_range(self, name: str) -> ControlRange | None:
        """Pass on."""
        told = self._pass("control_range", [name], lambda camera: _plain(camera, name))
        return None if told is None else ControlRange(**told)

    def control(self, name: str) -> int:
        """Pass on."""
        return int(self._pass("control", [name], lambda camera: camera.control(name)))

    def set_control(self, name: str, value: int) -> None:
        """Pass on."""
        self._pass("set_control", [name, value], lambda camera: camera.set_control(name, value))

    def unit(self, unit: int, selector: int) -> bytes:
        """Pass on."""
        told = self._pass(
            "unit", [unit, selector], lambda camera: camera.unit(unit, selector).hex()
        )
        return bytes.fromhex(told)

    def set_unit(self, unit: int, selector: int, data: bytes) -> None:
        """Pass on."""
        self._pass(
            "set_unit",
            [unit, selector, data.hex()],
            lambda camera: camera.set_unit(unit, selector, data),
        )


class VideoRecorder(_Calls):
    """Passes every call on to a camera and notes it; the file is written when it is closed.

    Parameters
    ----------
    camera
        The open way to it; closed with this.
    path
        The file to write.
    keep_frames
        Write whole frames; only for eyes that belong to nobody.
    """

    def __init__(
        self, camera: VideoConnection, path: str | Path, *, keep_frames: bool = False
    ) -> None:
        self._camera = camera
        self._keep_frames = keep_frames
        self._path = Path(path)
        self._lines: list[str] = []
        self._is_written = False

    def close(self) -> None:
        """Close the camera and write the file."""
        self._camera.close()
        if not self._is_written:
            self._is_written = True
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text("".join(f"{line}\n" for line in self._lines), encoding="ascii")

    def _pass(self, call: str, arguments: list[Any], run: Callable[[VideoConnection], Any]) -> Any:  # noqa: ANN401
        line: dict[str, Any] = {"call": call, "with": arguments}
        try:
            answer = run(self._camera)
        except DeviceError as error:
            failures = [name for name, kind in _FAILURES.items() if isinstance(error, kind)]
            self._lines.append(json.dumps(line | {"fails": (failures or ["protocol"])[0]}))
            raise
        if call == "frame" and answer is not None and not self._keep_frames:
            self._lines.append(json.dumps(line | {"gives": answer | _hidden(answer["data"])}))
        elif call != "frame" or answer is not None:  # how often one asks in vain is chance
            self._lines.append(json.dumps(line | {"gives": answer}))
        return answer


class VideoReplay(_Calls):
    """Answers a driver's calls from a transcript; leaving it as a context demands them all.

    Parameters
    ----------
    path
        The transcript.
    fill
        Gives the bytes of a frame of which only the length was kept; zeros without it.

    Raises
    ------
    ProtocolError
        When a call differs from the recorded one, or recorded calls are left over.
    """

    def __init__(self, path: str | Path, fill: Callable[[int], bytes] = bytes) -> None:
        self._path = Path(path)
        self._fill = fill
        self._lines = [json.loads(line) for line in self._path.read_text("ascii").splitlines()]
        self._next = 0

    def close(self) -> None:
        """Do nothing: a driver may close and open again within one transcript."""

    def finish(self) -> None:
        """Demand that every recorded call was made."""
        left = len(self._lines) - self._next
        if left:
            self._fail(
                f"{left} recorded calls were never made, the first is on line {self._next + 1}"
            )

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.finish()

    def _pass(self, call: str, arguments: list[Any], run: Callable[[VideoConnection], Any]) -> Any:  # noqa: ANN401
        del run
        if self._next == len(self._lines):
            self._fail(f"the driver called {call}{arguments} after the last recorded call")
        line = self._lines[self._next]
        self._next += 1
        if (line["call"], line["with"]) != (call, arguments):
            self._fail(
                f"line {self._next} has {line['call']}{line['with']}, but the driver called "
                f"{call}{arguments}"
            )
        if "fails" in line:
            raise _FAILURES[line["fails"]]("as recorded", device=str(self._path))
        answer = line["gives"]
        if call == "frame" and isinstance(answer["data"], dict):
            return answer | {"data": _pack(self._fill(answer["data"]["bytes"]))}
        return answer

    def _fail(self, what: str) -> None:
        raise ProtocolError(what, device=str(self._path))


def _plain(camera: VideoConnection, name: str) -> dict[str, int] | None:
    limits = camera.control_range(name)
    return None if limits is None else asdict(limits)


def _packed(frame: Frame | None) -> dict[str, Any] | None:
    if frame is None:
        return None
    return asdict(frame) | {"data": _pack(frame.data)}


def _hidden(text: str) -> dict[str, Any]:
    data = _unpack(text)
    return {"data": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}}


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
