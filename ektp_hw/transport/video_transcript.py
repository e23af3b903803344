# SPDX-License-Identifier: Apache-2.0
"""Transcripts of cameras: recorded and replayed as those of USB are.

A frame is the payload of its line, and its number and time stand beside it, so a recording with a
driver's rules holds of a frame what it holds of every picture: the length and the hash.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ektp_hw.transport import redaction
from ektp_hw.transport.notes import Answering, Noting, call_line
from ektp_hw.transport.video import (
    CameraName,
    ControlRange,
    Frame,
    Layout,
    Mode,
    VideoConnection,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[VideoConnection], Any]

__all__ = ["VideoRecorder", "VideoReplay"]


class _Calls(VideoConnection):
    """Turns every call into a line of a transcript, and answers of JSON into values."""

    @abstractmethod
    def _pass(self, call: str, arguments: list[Any], run: Run, of: str = "") -> Any:  # noqa: ANN401
        """Make a call whose answer is JSON, a payload, or JSON with a payload named ``data``."""

    def name(self) -> CameraName:
        """Pass on."""
        return CameraName(**self._pass("name", [], lambda camera: asdict(camera.name())))

    def modes(self) -> list[Mode]:
        """Pass on."""
        told = self._pass("modes", [], lambda camera: [asdict(one) for one in camera.modes()])
        return [Mode(**{**one, "intervals": tuple(one["intervals"])}) for one in told]

    def configure(self, mode: Mode, interval: float | None = None) -> Layout:
        """Pass on."""

        def run(camera: VideoConnection) -> dict[str, Any]:
            return asdict(camera.configure(mode, interval))

        return Layout(
            **self._pass("configure", [mode.width, mode.height, interval], run, of=mode.form)
        )

    def start(self) -> None:
        """Pass on."""
        self._pass("start", [], lambda camera: camera.start())

    def stop(self) -> None:
        """Pass on."""
        self._pass("stop", [], lambda camera: camera.stop())

    def frame(self, timeout: float) -> Frame | None:
        """Pass on; the time limit is not part of the record."""
        told = self._pass("frame", [], lambda camera: _in_parts(camera.frame(timeout)))
        return None if told is None else Frame(**told)

    def control_range(self, name: str) -> ControlRange | None:
        """Pass on."""
        told = self._pass(
            "control_range", [], lambda camera: _in_parts(camera.control_range(name)), of=name
        )
        return None if told is None else ControlRange(**told)

    def control(self, name: str) -> int:
        """Pass on."""
        return int(self._pass("control", [], lambda camera: camera.control(name), of=name))

    def set_control(self, name: str, value: int) -> None:
        """Pass on."""
        self._pass("set_control", [value], lambda camera: camera.set_control(name, value), of=name)

    def unit(self, unit: int, selector: int) -> bytes:
        """Pass on."""
        return bytes(
            self._pass("unit", [unit, selector], lambda camera: camera.unit(unit, selector))
        )

    def set_unit(self, unit: int, selector: int, data: bytes) -> None:
        """Pass on."""
        self._pass(
            "set_unit",
            [unit, selector, data],
            lambda camera: camera.set_unit(unit, selector, data),
        )


class VideoRecorder(Noting[VideoConnection], _Calls):
    """Passes every call on to a camera and notes it; the file is written when it is closed.

    Parameters
    ----------
    connection
        The open way to the camera; closed with this.
    path
        The file to write with every frame, or the `Notes` to add to.
    """

    def _pass(self, call: str, arguments: list[Any], run: Run, of: str = "") -> Any:  # noqa: ANN401
        def written(answer: Any) -> dict[str, Any] | None:  # noqa: ANN401
            if call == "frame" and answer is None:
                return None  # how often one asks in vain is chance
            return _as_noted(answer)

        return self._note_line(
            call_line(call, arguments, of), lambda: run(self._connection), written
        )


class VideoReplay(Answering, _Calls):
    """Answers a driver's calls from a transcript; time limits are not replayed.

    Parameters and errors as for `ektp_hw.transport.notes.Answering`.
    """

    def _pass(self, call: str, arguments: list[Any], run: Run, of: str = "") -> Any:  # noqa: ANN401
        del run
        line = self._recorded(call_line(call, arguments, of))
        if "gives" not in line:
            return line.get("tells")
        payload = self._payload(line)
        return line["tells"] | {"data": payload} if "tells" in line else payload


def _in_parts(told: Frame | ControlRange | None) -> dict[str, Any] | None:
    return None if told is None else asdict(told)


def _as_noted(answer: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what stands in a line for an answer."""
    if answer is None:
        return {}
    if isinstance(answer, bytes):
        return {"gives": redaction.pack(answer)}
    if isinstance(answer, dict) and "data" in answer:
        rest = {name: value for name, value in answer.items() if name != "data"}
        return {"tells": rest, "gives": redaction.pack(answer["data"])}
    return {"tells": answer}
