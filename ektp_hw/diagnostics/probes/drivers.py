# SPDX-License-Identifier: Apache-2.0
"""The drivers: do all load, has every capture device one, and does nobody else hold it."""

from __future__ import annotations

import threading
import time
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, ClassVar

from ektp_hw.diagnostics.capture_devices import (
    CARD_READER_CLASS,
    capture_kind,
    known_models,
    looks_like,
)
from ektp_hw.diagnostics.findings import Cause, Finding, Who, message
from ektp_hw.diagnostics.holders import programs_named, programs_with
from ektp_hw.diagnostics.reply import Readings, Reply
from ektp_hw.diagnostics.usb_bus import UsbFace, UsbPlug, usb_devices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from importlib.metadata import EntryPoint

    from ektp_hw.diagnostics.surroundings import Surroundings

    Entries = Callable[[], Iterable[EntryPoint]]

__all__ = ["CAUSES", "PROBES", "Loading"]

_GROUP = "ektp_hw.drivers"
_PATIENCE = 8.0
"""Seconds for all drivers' modules to be imported."""
_FOR_PROGRAMS = "usbfs"
"""The kernel's driver through which programs use a device."""
_VENDOR_SPECIFIC = 0xFF
_ORDINARY = {
    0x01: {"snd-usb-audio"},
    0x02: {"cdc_acm", "cdc_ether"},
    0x03: {"usbhid", "wacom"},
    0x08: {"usb-storage", "uas"},
    0x0A: {"cdc_acm", "cdc_ether"},
    0x0E: {"uvcvideo"},
}
"""Interface class -> drivers of the kernel that belong there and through which we read, too."""
_NFC_DRIVER = "pn533_usb"
"""Takes card readers that are made of its chip, the ACR122U, from the PC/SC service."""


class Loading:
    """Do the drivers' modules load.

    Parameters
    ----------
    entries
        What is registered; by default what is installed.
    """

    name: ClassVar[str] = "drivers.loading"
    stands_on: ClassVar[tuple[str, ...]] = ("libraries.package",)
    seconds: ClassVar[float] = 10.0

    def __init__(self, entries: Entries = lambda: entry_points(group=_GROUP)) -> None:
        self._entries = entries

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Import every registered driver, each in a thread of its own."""
        del around, before
        checked = message("drivers.loading_checked")
        entries = sorted(self._entries(), key=lambda entry: entry.name)
        failures = _failures(entries)
        findings = [
            Reply(self.name, checked, f"driver:{entry.name}").broken(
                message("drivers.does_not_load", driver=entry.name),
                Cause.DRIVER,
                message("drivers.reinstall_advice", driver=entry.name),
                Who.TECHNICIAN,
                {"driver": entry.name, "module": entry.value, "error": failures[entry.name]},
            )
            for entry in entries
            if entry.name in failures
        ]
        reply = Reply(self.name, checked)
        if not entries:
            seen, advice = message("drivers.none"), message("drivers.install_again_advice")
            return [reply.broken(seen, Cause.DRIVER, advice, Who.TECHNICIAN, {"drivers": 0})]
        if not findings:
            evidence: Readings = {"drivers": ", ".join(entry.name for entry in entries)}
            seen = message("drivers.all_load", count=len(entries))
            findings = [reply.sound(seen, evidence)]
        return findings


def _failures(entries: list[EntryPoint]) -> dict[str, str]:
    """Return why drivers do not load, by name; one that takes too long is among them."""
    failures = {entry.name: "it was still loading when the time was over" for entry in entries}

    def load(entry: EntryPoint) -> None:
        try:
            driver = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a stranger's module
            failures[entry.name] = f"{type(error).__name__}: {error}"
            return
        lacks = [name for name in ("name", "schemes", "usb_ids") if not hasattr(driver, name)]
        if lacks:
            failures[entry.name] = f"it is no driver: it has no '{lacks[0]}'"
        else:
            failures.pop(entry.name, None)

    threads = [
        threading.Thread(target=load, args=(entry,), name=f"ektp_hw load {entry.name}", daemon=True)
        for entry in entries
    ]
    end = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(failures)


class Missing:
    """Has every device that looks like a capture device a driver."""

    name: ClassVar[str] = "drivers.missing"
    stands_on: ClassVar[tuple[str, ...]] = (
        "usb.presence",
        "usb.descriptors",
        "drivers.loading",
        "libraries.card_service",
    )
    seconds: ClassVar[float] = 5.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look for makers and classes of capture devices that no driver's table names."""
        failed = [each for each in before if each.probe == Loading.name and each.is_fault]
        checked = message("drivers.missing_checked")
        models = known_models()
        served = bool(programs_named(around, "pcscd")) or around.path("run/pcscd").exists()
        findings = []
        for plug in usb_devices(around):
            if plug.is_hub or capture_kind(plug, models) is None:
                continue
            reply = Reply(self.name, checked, plug.uri)
            evidence: Readings = {"usb_id": plug.uri[4:13], "name": plug.title}
            if known := models.get(plug.ids):
                seen = message("drivers.has_driver", name=plug.name, driver=known[0].driver)
                findings.append(reply.sound(seen, evidence))
            elif plug.has_class(CARD_READER_CLASS) and served:
                seen = message("drivers.has_service", name=plug.name)
                findings.append(reply.sound(seen, evidence, 0.9))
            else:
                findings.append(_unknown(reply, plug, evidence, around, failed=bool(failed)))
        if findings:
            return findings
        return [Reply(self.name, checked).sound(message("drivers.no_stranger"), {}, 0.8)]


def _unknown(
    reply: Reply, plug: UsbPlug, evidence: Readings, around: Surroundings, *, failed: bool
) -> Finding:
    """Judge a device without driver: a fault if the station needs its kind, else a remark."""
    kind = looks_like(plug)
    card = kind is not None and kind.value == "card"
    advice = message("drivers.card_service_advice" if card else "drivers.missing_advice")
    seen = message("drivers.unknown", name=plug.name, usb_id=plug.uri[4:13])
    needed = kind is not None and kind.value in around.profile.expects
    cause, who = Cause.DRIVER, Who.TECHNICIAN
    if needed or failed:
        return reply.broken(seen, cause, advice, who, evidence, 0.85 if needed else 0.6)
    return reply.suspect(seen, cause, advice, who, evidence, 0.6)


class Held:
    """Does a driver of the kernel or another program hold a capture device."""

    name: ClassVar[str] = "drivers.held"
    stands_on: ClassVar[tuple[str, ...]] = (
        "drivers.missing",
        "permissions.usb",
        "permissions.nodes",
    )
    seconds: ClassVar[float] = 6.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look at the drivers of the interfaces in /sys and the open files in /proc."""
        del before
        checked = message("drivers.held_checked")
        models = known_models()
        findings = []
        for plug in usb_devices(around):
            if plug.is_hub or capture_kind(plug, models) is None:
                continue
            reply = Reply(self.name, checked, plug.uri)
            found = [each for face in plug.faces if (each := self._by_kernel(reply, plug, face))]
            found += self._by_programs(reply, plug, around)
            free = message("drivers.free", name=plug.name)
            findings += found or [reply.sound(free, {"interfaces": len(plug.faces)}, 0.8)]
        if findings:
            return findings
        return [Reply(self.name, checked).untested(message("drivers.nothing_to_hold"))]

    def _by_kernel(self, reply: Reply, plug: UsbPlug, face: UsbFace) -> Finding | None:
        driver = face.driver
        if not driver or driver in {_FOR_PROGRAMS, *_ORDINARY.get(face.device_class, ())}:
            return None
        evidence: Readings = {
            "interface": face.number,
            "kernel_driver": driver,
            "module": face.module,
        }
        module = face.module or driver
        seen = message("drivers.kernel_holds", name=plug.name, driver=driver, module=module)
        interface = f"{plug.place}:{plug.configuration or 1}.{face.number}"
        advice = message("drivers.unbind_advice", interface=interface, driver=driver, module=module)
        cause, who = Cause.DRIVER, Who.TECHNICIAN
        if face.device_class == _VENDOR_SPECIFIC:
            return reply.broken(seen, cause, advice, who, evidence, 0.85)
        certainty = 0.8 if driver == _NFC_DRIVER else 0.5
        return reply.suspect(seen, cause, advice, who, evidence, certainty)

    def _by_programs(self, reply: Reply, plug: UsbPlug, around: Surroundings) -> list[Finding]:
        programs = programs_with(around, plug.node)
        claimed = any(face.driver == _FOR_PROGRAMS for face in plug.faces)
        if plug.has_class(CARD_READER_CLASS):
            # The service holds its readers; others use them through it.
            programs = [program for program in programs if program.name != "pcscd"]
            claimed = claimed and not programs_named(around, "pcscd")
        if not programs and not claimed:
            return []
        advice = message("drivers.close_program_advice")
        evidence: Readings = {"programs": ", ".join(map(str, programs)), "claimed": claimed}
        if not programs:
            seen = message("drivers.somebody_holds", name=plug.name)
            return [reply.suspect(seen, Cause.DRIVER, advice, Who.CLERK, evidence, 0.6)]
        seen = message(
            "drivers.program_holds", name=plug.name, programs=", ".join(map(str, programs))
        )
        return [reply.broken(seen, Cause.DRIVER, advice, Who.CLERK, evidence, 0.75)]


class Extractors:
    """Do the extractors of fingerprints that other packages register load."""

    name: ClassVar[str] = "drivers.extractors"
    stands_on: ClassVar[tuple[str, ...]] = ("libraries.package",)
    seconds: ClassVar[float] = 25.0

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Load each in a program of its own, which may crash."""
        from ektp_hw.diagnostics.package_check import check_package

        reply = Reply(self.name, message("drivers.extractors_checked"))
        if any(each.is_fault for each in before):
            return [reply.untested(message("drivers.package_first"))]
        told = check_package(("extractors",), around.environment, timeout=20.0)
        broken = {
            name.removeprefix("extractor:"): why
            for name, why in told.failures.items()
            if not why.startswith(_NOT_INSTALLED)
        }
        if told.crash:
            broken["?"] = told.crash
        if not broken:
            return [reply.sound(message("drivers.extractors_load"), dict(told.versions))]
        return [
            reply.suspect(
                message("drivers.extractor_broken", name=name),
                Cause.DRIVER,
                message("drivers.extractor_advice", name=name),
                Who.TECHNICIAN,
                {"extractor": name, "error": why},
                0.9,
            )
            for name, why in broken.items()
        ]


_NOT_INSTALLED = "ExtractorUnavailable"
"""An extractor's own way to say that its package is not there, which is no fault."""

PROBES = (Loading(), Extractors(), Missing(), Held())
CAUSES: dict[str, tuple[Cause, ...]] = {
    Loading.name: (Cause.DRIVER,),
    Extractors.name: (Cause.DRIVER,),
    Missing.name: (Cause.DRIVER,),
    Held.name: (Cause.DRIVER,),
}
