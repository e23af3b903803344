# SPDX-License-Identifier: Apache-2.0
"""What somebody who helps from afar needs, in one zip, with everything personal taken out.

Only what is named here goes in; no picture, no record, no environment. Every text passes through
`redaction`. What it holds is known before anything is written.
"""

from __future__ import annotations

import io
import json
import platform
import re
import sys
import zipfile
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.journal import excerpt_around_change
from ektp_hw.diagnostics.kernel_log import kernel_notes
from ektp_hw.diagnostics.letter_page import rendered
from ektp_hw.diagnostics.redaction import redactor_for
from ektp_hw.diagnostics.seal import key_path
from ektp_hw.diagnostics.wording import worded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ektp_hw.diagnostics.examination import Examination
    from ektp_hw.diagnostics.journal import Journal
    from ektp_hw.diagnostics.redaction import Redactor
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Entry", "entries_of", "zipped"]

_KERNEL_SUBJECTS = re.compile(
    r"(?i)\b(usb|xhci|ehci|uhci|hub|hid|uvc|video|input|tty(?:USB|ACM)\w*|cdc_\w+|ftdi\w*|pn533\w*|"
    r"wacom|ata\w*|nvme\w*|sd[a-z]\d*|mmc\w*|ext4\S*|btrfs\w*|xfs|i/o error|oom\S*|out of memory|"
    r"eth\d+|en[ops]\w+|wlan\d+|wlp\w+|link is)\b"
)
_MOST_NOTES = 2000
_OF_A_DEVICE = (
    "idVendor", "idProduct", "manufacturer", "product", "serial", "speed", "version", "bcdDevice",
    "bMaxPower", "bDeviceClass", "maxchild", "authorized", "power/control", "power/runtime_status",
    "driver", "bInterfaceClass", "bInterfaceProtocol",
)  # fmt: skip
"""Files below /sys/bus/usb/devices/<device> that are shown."""
_PACKAGES = (
    "ektp_hw", "numpy", "numba", "opencv-python-headless", "cffi", "pyusb", "libusb-package",
    "pyserial", "pillow", "click", "rich", "jinja2", "cryptography", "reportlab",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One file of the bundle, and what it holds in one line."""

    name: str
    content: bytes
    about: str


def entries_of(
    examination: Examination, document: Mapping[str, Any], journal: Journal | None = None
) -> list[Entry]:
    """Return everything that the bundle will hold; the list of contents comes last.

    Of the journal it holds sums, and the entries around the last change of verdict.
    """
    around = examination.around
    redact = redactor_for(around)
    language = str(document["language"])

    def about(key: str, **values: str) -> str:
        return worded(message(f"doctor.entry_{key}", **values), language)

    entries = [
        Entry("findings.json", _json(document), about("findings")),
        Entry("letter.html", rendered(document, key_path(around.environment)).encode(),
              about("letter")),
        Entry("versions.json", _json(redact.plain(_versions(around))), about("versions")),
        Entry("usb.json", _json(_usb(around, redact)), about("usb")),
    ]  # fmt: skip
    notes = kernel_notes(around)
    kept = [each for each in notes or () if _KERNEL_SUBJECTS.search(each.text)][-_MOST_NOTES:]
    text = "\n".join(f"-{each.ago:.3f} s {redact.text(each.text)}" for each in kept)
    missing = "kernel" if notes is not None else "kernel_missing"
    entries.append(Entry("kernel.txt", text.encode(), about(missing)))
    if document["history"] is not None:
        entries.append(Entry("journal.json", _json(document["history"]), about("journal")))
    if journal is not None and (excerpt := excerpt_around_change(journal)) is not None:
        content = _json(redact.plain(excerpt))
        when = str(excerpt["changed"])
        entries.append(Entry("change.json", content, about("change", when=when)))
    contents = "\n".join(f"{each.name}: {each.about}" for each in entries)
    entries.append(Entry("contents.txt", f"{contents}\n".encode(), about("contents")))
    return entries


def zipped(entries: Sequence[Entry], made: datetime) -> bytes:
    """Return the zip; its files carry the time of the examination and nobody's name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(entry.name, made.timetuple()[:6])
            info.external_attr = 0o644 << 16
            archive.writestr(info, entry.content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).encode()


def _versions(around: Surroundings) -> dict[str, Any]:
    system = dict(
        line.split("=", 1) for line in (around.read("/etc/os-release") or "").splitlines()
        if "=" in line
    )  # fmt: skip
    return {
        "packages": {name: _version(name) for name in _PACKAGES},
        "python": sys.version.split()[0],
        "system": system.get("PRETTY_NAME", "").strip('"'),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "locale": {name: around.environment.get(name, "") for name in ("LANG", "LC_ALL", "TZ")},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _usb(around: Surroundings, redact: Redactor) -> dict[str, dict[str, str]]:
    folder = around.path("/sys/bus/usb/devices")
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError:
        return {}
    return {name: _usb_device(around, name, redact) for name in names}


def _usb_device(around: Surroundings, name: str, redact: Redactor) -> dict[str, str]:
    device = {}
    for key in _OF_A_DEVICE:
        place = f"/sys/bus/usb/devices/{name}/{key}"
        if key == "driver":
            target = around.path(place)
            value = target.resolve().name if target.exists() else None
        else:
            value = around.read(place)
        if value:
            device[key] = redact.hashed(value) if key == "serial" else redact.text(value)
    return device
