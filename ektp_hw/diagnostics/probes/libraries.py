# SPDX-License-Identifier: Apache-2.0
"""What the drivers stand on: Python, this package's parts, libusb, the card service, libfprint."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.diagnostics.capture_devices import CARD_READER_CLASS, known_models
from ektp_hw.diagnostics.findings import Cause, Finding, Who, message
from ektp_hw.diagnostics.holders import programs_named
from ektp_hw.diagnostics.reply import Reply
from ektp_hw.diagnostics.usb_bus import usb_devices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["CAUSES", "PROBES", "CardLibrary", "CardService", "FingerprintLibrary", "UsbLibrary"]

_OLDEST_PYTHON = (3, 11)
_PATIENCE = 25.0
"""Seconds for the package's parts; the first start after an update compiles."""
_SOCKET = "run/pcscd/pcscd.comm"
_UNITS = (
    "etc/systemd/system/sockets.target.wants/pcscd.socket",
    "run/systemd/units/invocation:pcscd.socket",
)
"""Signs that systemd starts the service on first use."""


class PythonVersion:
    """Is Python new enough, and the same that the package was installed for."""

    name: ClassVar[str] = "libraries.python"
    stands_on: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 2.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Read the version of the running interpreter."""
        del around, before
        version = ".".join(str(part) for part in sys.version_info[:3])
        evidence = {"version": version, "implementation": sys.implementation.name}
        reply = Reply(self.name, message("libraries.python_checked"))
        seen = message("libraries.python_version", version=version)
        if sys.version_info[:2] >= _OLDEST_PYTHON:
            return [reply.sound(seen, evidence)]
        advice = message("libraries.python_advice")
        return [reply.broken(seen, Cause.COMPUTER, advice, Who.TECHNICIAN, evidence)]


class Package:
    """Is this package whole: compiled core, OpenCV, kernels and their cache."""

    name: ClassVar[str] = "libraries.package"
    stands_on: ClassVar[tuple[str, ...]] = ("libraries.python",)
    seconds: ClassVar[float] = 30.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Load every heavy part in a program of its own, which may crash."""
        del before
        from ektp_hw.diagnostics.package_check import PARTS, check_package

        reply = Reply(self.name, message("libraries.package_checked"))
        told = check_package(PARTS, around.environment, timeout=_PATIENCE)
        failures = dict(told.failures)
        silent = [part for part in PARTS if part not in told.versions and part not in failures]
        if told.crash:
            failures[silent[0] if silent else "ektp_hw"] = told.crash
        if not failures:
            return [reply.sound(message("libraries.package_whole"), dict(told.versions))]
        if "numpy" in failures:  # the others need it
            failures = {"numpy": failures["numpy"]}
        elif {"opencv", "native"} & set(failures):
            failures.pop("kernels", None)
        return [self._broken(reply, part, why) for part, why in failures.items()]

    def _broken(self, reply: Reply, part: str, why: str) -> Finding:
        uncached = "cannot cache function" in why
        seen = message(
            "libraries.cache_unwritable" if uncached else "libraries.part_broken", part=part
        )
        advice = message("libraries.cache_advice" if uncached else "libraries.package_advice")
        evidence = {"part": part, "error": why[:300]}
        return reply.broken(seen, Cause.COMPUTER, advice, Who.TECHNICIAN, evidence, 0.95)


def _load_libusb() -> str:
    import libusb_package
    import usb.backend.libusb1

    backend = usb.backend.libusb1.get_backend(find_library=libusb_package.find_library)
    if backend is None:
        raise OSError("libusb was found but could not be loaded")
    return str(getattr(libusb_package, "__version__", "") or "1.0")


class UsbLibrary:
    """Can libusb be loaded.

    Parameters
    ----------
    load
        Loads it and returns its version.
    """

    name: ClassVar[str] = "libraries.usb"
    stands_on: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 5.0

    def __init__(self, load: Callable[[], str] = _load_libusb) -> None:
        self._load = load

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Load it."""
        del around, before
        reply = Reply(self.name, message("libraries.usb_checked"))
        try:
            version = self._load()
        except (ImportError, OSError, AttributeError) as error:
            seen, advice = message("libraries.usb_missing"), message("libraries.usb_advice")
            evidence = {"error": f"{type(error).__name__}: {error}"}
            return [reply.broken(seen, Cause.DRIVER, advice, Who.TECHNICIAN, evidence, 0.95)]
        return [reply.sound(message("libraries.usb_loads"), {"libusb_package": version})]


def _load_pcsc() -> None:
    from ektp_hw.transport.pcsc_library import load

    load()


class CardLibrary:
    """Can the PC/SC library be loaded, where card readers need it.

    Parameters
    ----------
    load
        Loads it.
    """

    name: ClassVar[str] = "libraries.card_library"
    stands_on: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 5.0

    def __init__(self, load: Callable[[], object] = _load_pcsc) -> None:
        self._load = load

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Load it; its lack is a fault only where a card reader cannot do without."""
        from ektp_hw.errors import DeviceError

        del before
        reply = Reply(self.name, message("libraries.card_library_checked"))
        try:
            self._load()
        except (DeviceError, ImportError, OSError) as error:
            evidence = {"error": str(error)}
            seen = message("libraries.card_library_missing")
            advice = message("libraries.card_library_advice")
            if reader := _reader_in_need(around):
                reply = replace(reply, device=reader)
                return [reply.broken(seen, Cause.DRIVER, advice, Who.TECHNICIAN, evidence, 0.9)]
            return [reply.untested(message("libraries.card_library_unneeded"), evidence)]
        return [reply.sound(message("libraries.card_library_loads"))]


class CardService:
    """Does the PC/SC service run, or will it be started on first use."""

    name: ClassVar[str] = "libraries.card_service"
    stands_on: ClassVar[tuple[str, ...]] = ("libraries.card_library",)
    seconds: ClassVar[float] = 5.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look for its process, its socket and its unit."""
        del before
        reply = Reply(self.name, message("libraries.card_service_checked"))
        running = programs_named(around, "pcscd")
        socket = around.path(_SOCKET).exists()
        enabled = any(around.path(unit).is_symlink() for unit in _UNITS)
        evidence = {"running": bool(running), "socket": socket, "socket_enabled": enabled}
        if running or (socket and enabled):
            key = "service_runs" if running else "service_ready"
            return [reply.sound(message(f"libraries.{key}"), evidence, 0.9)]
        seen, advice = message("libraries.service_missing"), message("libraries.service_advice")
        if reader := _reader_in_need(around):
            reply = replace(reply, device=reader)
            return [reply.broken(seen, Cause.DRIVER, advice, Who.TECHNICIAN, evidence, 0.85)]
        return [reply.untested(message("libraries.service_unneeded"), evidence)]


def _reader_in_need(around: Surroundings) -> str:
    """Return the address of a reader that none of our drivers reads directly; empty if none is."""
    models = known_models()
    readers = (plug for plug in usb_devices(around) if plug.has_class(CARD_READER_CLASS))
    return next((plug.uri for plug in readers if plug.ids not in models), "")


def _load_fprint() -> str:
    found = ctypes.util.find_library("fprint-2")
    if found is None:
        raise OSError("libfprint-2 is not installed")
    ctypes.CDLL(found)
    return found


class FingerprintLibrary:
    """Is libfprint there, which drives sensors that have no driver here.

    Parameters
    ----------
    load
        Loads it and returns its file's name.
    """

    name: ClassVar[str] = "libraries.fingerprint"
    stands_on: ClassVar[tuple[str, ...]] = ()
    seconds: ClassVar[float] = 10.0

    def __init__(self, load: Callable[[], str] = _load_fprint) -> None:
        self._load = load

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Load it; its lack is never a fault by itself."""
        del around, before
        reply = Reply(self.name, message("libraries.fprint_checked"))
        try:
            file = self._load()
        except (OSError, ImportError) as error:
            return [reply.untested(message("libraries.fprint_missing"), {"error": str(error)})]
        return [reply.sound(message("libraries.fprint_loads"), {"file": file})]


PROBES = (
    PythonVersion(),
    Package(),
    UsbLibrary(),
    CardLibrary(),
    CardService(),
    FingerprintLibrary(),
)
CAUSES: dict[str, tuple[Cause, ...]] = {
    PythonVersion.name: (Cause.COMPUTER,),
    Package.name: (Cause.COMPUTER,),
    UsbLibrary.name: (Cause.DRIVER,),
    CardLibrary.name: (Cause.DRIVER,),
    CardService.name: (Cause.DRIVER,),
    FingerprintLibrary.name: (),
}
