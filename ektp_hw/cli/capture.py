# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw capture``: one sample from a device into files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from ektp_hw.cli import console
from ektp_hw.errors import DeviceNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from ektp_hw.samples import CardContents, FingerprintImage, IrisImage, SignatureTrace

__all__ = ["capture"]


@click.command()
@click.argument("kind", type=click.Choice(["fingerprint", "iris", "signature", "card"]))
@click.option("--device", "uri", help="Address from 'ektp-hw devices'; by default the first found.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the files; by default this one.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds to wait for the person.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def capture(kind: str, uri: str | None, out: Path, timeout: float, as_json: bool) -> None:
    """Capture one sample of KIND and write it to files.

    Prints and eyes become PNG pictures with their resolution, a signature becomes CSV (one row a
    report), a card becomes a JSON list of what it gave.

    \b
    Example, without hardware:
      ektp-hw capture fingerprint --device virtual:fingerprint --out samples/
    \b
    Exit codes: 0 done, 2 no such device, nothing usable in time, or the folder cannot be written.
    """
    from ektp_hw.registry import discover, open_device

    out.mkdir(parents=True, exist_ok=True)
    if uri is None:
        found = discover(kind)
        if not found:
            raise DeviceNotFound(f"no {kind} device answers; see 'ektp-hw devices'")
        uri = found[0].uri
    with open_device(uri) as device, console.progress(f"waiting for {uri}"):
        if device.kind != kind:
            raise click.UsageError(f"{uri} captures {device.kind}, not {kind}")
        sample = cast("Any", device).capture(timeout=timeout)  # each kind gives its own sample
    path = _WRITERS[kind](sample, _free_name(out, kind))
    if as_json:
        console.print_json({"kind": kind, "device": uri, "file": str(path)})
    else:
        console.say(f"{path}: captured from {uri}")


def _free_name(folder: Path, kind: str) -> Path:
    """Return the first stem that no file has yet, so that no earlier sample is overwritten."""
    taken = {path.stem for path in folder.iterdir()}
    number = 1
    while f"{kind}-{number}" in taken:
        number += 1
    return folder / f"{kind}-{number}"


def _write_picture(sample: FingerprintImage | IrisImage, stem: Path) -> Path:
    from PIL import Image

    from ektp_hw.records.picture import write_fingerprint_image
    from ektp_hw.samples import FingerprintImage

    path = stem.with_suffix(".png")
    if isinstance(sample, FingerprintImage):
        write_fingerprint_image(path, sample)
    else:
        Image.fromarray(sample.pixels).save(path)
    return path


def _write_signature(sample: SignatureTrace, stem: Path) -> Path:
    path = stem.with_suffix(".csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["seconds", "x_mm", "y_mm", "pressure"])
        rows.writerows(zip(sample.seconds, sample.x_mm, sample.y_mm, sample.pressure, strict=True))
    return path


def _write_card(sample: CardContents, stem: Path) -> Path:
    path = stem.with_suffix(".json")
    contents = {
        "answer_to_reset": sample.answer_to_reset.hex(),
        "uid": sample.uid.hex(),
        "files": {name: content.hex() for name, content in sample.files.items()},
        "unreadable": dict(sample.unreadable),
    }
    path.write_text(json.dumps(contents, indent=2), encoding="utf-8")
    return path


_WRITERS: dict[str, Callable[[Any, Path], Path]] = {
    "fingerprint": _write_picture,
    "iris": _write_picture,
    "signature": _write_signature,
    "card": _write_card,
}
