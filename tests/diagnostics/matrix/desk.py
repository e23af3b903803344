# SPDX-License-Identifier: Apache-2.0
"""Ways to break the virtual devices; called in the doctor's own program, on their models.

A `Break` is data, so that it can be sent there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Break", "Busy", "DeadLines", "everybody", "no_finger", "nobody_there"]


def nobody_there(desk: Any) -> None:
    """Take fingers and pens away, as before the first citizen of the day."""
    no_finger(desk)
    desk.pad.present(None)
    _no_pen_on_epad(desk)


def everybody(desk: Any) -> None:
    """Leave fingers, pens and the card where the virtual devices have them."""
    del desk


def no_finger(desk: Any) -> None:
    """Take the fingers away."""
    desk.scanner.present(None)
    desk.uareu.present(None)
    desk.serial_module.present(None)


def _no_pen_on_epad(desk: Any) -> None:
    from ektp_hw.virtual.epad import VirtualEpad

    desk.function("epad", VirtualEpad).present(None)


@dataclass(frozen=True)
class Break:
    """A device of the desk that misbehaves.

    Parameters
    ----------
    device
        Its name at the desk: ``scanner``, ``camera``, ``pad``, ``card_reader``, ``uareu``, ...
    fault
        What its model is asked for.
    lasts
        Whether it goes on for ever, also where the model itself would do it once.
    """

    device: str
    fault: str
    lasts: bool = True

    def __call__(self, desk: Any) -> None:
        """Break it."""
        model = getattr(desk, self.device)
        if self.lasts:
            _for_ever(model, self.fault)
        else:
            model.misbehave(self.fault)


def _for_ever(model: Any, fault: str) -> None:
    """Let every transfer find the misbehaviour that the model would forget after the first."""
    again: Callable[[], None] = lambda: model.misbehave(fault)  # noqa: E731
    for name in ("on_control", "on_out", "on_in", "on_bytes"):
        handle = getattr(model, name, None)
        if handle is not None:
            setattr(model, name, _after(again, handle))
    again()


def _after(first: Callable[[], None], then: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: Any) -> Any:
        first()
        return then(*arguments)

    return both


@dataclass(frozen=True)
class Busy:
    """A device that another part of this program has open."""

    uri: str

    def __call__(self, desk: Any) -> Any:
        """Open it, and keep it open."""
        del desk
        import ektp_hw

        return ektp_hw.open_device(self.uri)


@dataclass(frozen=True)
class DeadLines:
    """A scanner some of whose sensor's lines are dark for good."""

    lines: int

    def __call__(self, desk: Any) -> None:
        """Lay a picture on the glass as such a sensor sees the empty glass."""
        import numpy as np

        from ektp_hw.samples import FingerprintImage
        from ektp_hw.virtual import platen

        glass = platen.empty()
        glass[100 : 100 + 5 * self.lines : 5] = 0
        desk.scanner.present(FingerprintImage(np.asarray(glass, np.uint8), ppi=500.0))


def frozen_camera(desk: Any) -> None:
    """Let the camera show one frame over and over, without any noise."""
    from ektp_hw.samples import Eye
    from ektp_hw.synthetic import SyntheticPerson

    desk.camera.present(SyntheticPerson(1).eye(Eye.LEFT, 0))


def blurred_camera(desk: Any) -> None:
    """Let the camera be out of focus."""
    import cv2

    from ektp_hw.samples import Eye, IrisImage
    from ektp_hw.synthetic import SyntheticPerson

    eyes = [SyntheticPerson(1).eye(Eye.LEFT, number).pixels for number in range(3)]
    desk.camera.present(*[IrisImage(cv2.GaussianBlur(eye, (0, 0), 5)) for eye in eyes])


def stuck_pen(desk: Any) -> None:
    """Let the pad's tip never be lifted again."""
    desk.pad.speed = 8
    desk.pad.misbehave("endless")


def secure_session(desk: Any) -> None:
    """Let the pad be in a secure session of another program."""
    desk.pad.speed = 8
    desk.pad.misbehave("encrypted")


def garbage_of_pad(desk: Any) -> None:
    """Let the pad send reports of unknown kind."""
    desk.pad.speed = 8
    desk.pad.misbehave("garbage")


def silent_pad(desk: Any) -> None:
    """Let the pad fall silent in the middle of a signature."""
    desk.pad.misbehave("silent")


def one_pressure(desk: Any) -> None:
    """Let the pen feel but one pressure."""
    import numpy as np

    import ektp_hw as hw

    when = np.arange(0, 1.0, 1 / 200)
    across, down = 20 + 10 * when, np.full_like(when, 30)
    desk.pad.present(hw.SignatureTrace(when, across, down, np.full_like(when, 0.5)))
