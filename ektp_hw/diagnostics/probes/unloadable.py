# SPDX-License-Identifier: Apache-2.0
"""In place of the probes of a part that does not load: what is missing, and how to install it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Finding, Outcome, Who, message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Message
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["UnloadableArea"]

_PACKAGES = {
    "cv2": "opencv-python-headless",
    "usb": "pyusb",
    "libusb_package": "libusb-package",
    "serial": "pyserial",
    "PIL": "pillow",
    "_cffi_backend": "cffi",
}
"""Packages whose module has another name."""


class UnloadableArea:
    """Says that nothing of an area could be checked.

    Parameters
    ----------
    area
        Which part of the station; one of those of `ektp_hw.diagnostics.probes`.
    error
        Why its file does not load.
    """

    def __init__(self, area: str, error: Exception) -> None:
        self.area = area
        self.name = f"{area}.loading"
        self.stands_on: tuple[str, ...] = ()
        self.seconds = 2.0
        self._error = error

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Say what is missing; nothing is looked at."""
        del around, before
        why = type(self._error).__name__
        return [
            Finding(
                self.name,
                message(f"probe.area_{self.area}"),
                message("probe.area_unloadable", error=why, module=self._module()),
                Outcome.UNTESTED,
                certainty=0.0,
                evidence={"error": f"{why}: {self._error}"},
                advice=self._advice(),
                who=Who.TECHNICIAN,
            )
        ]

    def _module(self) -> str:
        return (getattr(self._error, "name", None) or "ektp_hw").partition(".")[0]

    def _advice(self) -> Message:
        module = self._module()
        if module in sys.stdlib_module_names:
            return message("probe.python_advice", module=module)
        package = "ektp_hw" if module == "ektp_hw" else _PACKAGES.get(module, module)
        return message("probe.package_advice", package=package)
