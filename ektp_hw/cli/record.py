# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw record``: what passes on the wire during one capture, without anybody's body in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from ektp_hw.cli import console
from ektp_hw.errors import EktpError

__all__ = ["record"]

_VIRTUAL = "virtual:"


@click.command()
@click.argument("device")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The file to write, a new one; by default transcript-1.jsonl or the next number.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds to wait for the person.",
)
@click.option("--keep-payloads", is_flag=True, help="Keep pictures and pen data in the file.")
@click.option(
    "--phantom",
    is_flag=True,
    help="Nobody's body is on the device, but a rubber finger or a printed eye; needed to keep the"
    " payloads of a device that is not virtual.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def record(
    device: str, out: Path | None, timeout: float, keep_payloads: bool, phantom: bool, as_json: bool
) -> None:
    """Capture once from DEVICE and write a transcript of the wire: for a bug report or a test.

    Pictures, pen data and card files are replaced by their length and hash; commands, headers and
    short answers stay, so that the transcript replays against the driver. It is written also
    where the capture fails. A card's number and a device's serial number may be in it.

    \b
    Examples, without hardware:
      ektp-hw record virtual:fingerprint --out talk.jsonl
      ektp-hw record virtual:card --keep-payloads
    \b
    Exit codes: 0 done, 2 no such device, nothing usable in time, or the file cannot be written.
    """
    from ektp_hw.registry import open_device

    if keep_payloads:
        _warn(device, phantom=phantom)
    path = _new_file(out)
    try:
        with (
            open_device(device, record=path, keep_payloads=keep_payloads) as opened,
            console.progress(f"waiting for {device}"),
        ):
            cast("Any", opened).capture(timeout=timeout)  # each kind gives its own sample
    except EktpError as error:
        if not path.exists():
            raise
        raise click.ClickException(f"{error}; what passed until then is in {path}") from error
    lines = path.read_text("ascii").splitlines()
    answer = {
        "file": str(path),
        "device": device,
        "driver": opened.name,
        "calls": len(lines),
        "replaced": sum('"bytes": ' in line for line in lines),
        "payloads_kept": keep_payloads,
    }
    if as_json:
        console.print_json(answer)
        return
    console.say(
        f"{path}: {answer['calls']} calls of {opened.name}, {answer['replaced']} with payloads"
        " replaced by length and hash"
    )


def _warn(device: str, *, phantom: bool) -> None:
    if not (phantom or device.startswith(_VIRTUAL)):
        raise click.UsageError(
            f"--keep-payloads would write the person at {device} into the file; leave it out, or"
            " add --phantom if no living person is on the device"
        )
    console.complain(
        "WARNING: the transcript will hold every picture and pen stroke; give it to nobody if a"
        " living person is on the device, and delete it"
    )


def _new_file(out: Path | None) -> Path:
    """Return a path that no file has yet, so that no earlier transcript is lost."""
    if out is None:
        numbers = range(1, len(list(Path().iterdir())) + 2)
        return next(path for n in numbers if not (path := Path(f"transcript-{n}.jsonl")).exists())
    if out.exists():
        raise click.UsageError(f"{out} exists; give the name of a new file")
    out.parent.mkdir(parents=True, exist_ok=True)
    return out
