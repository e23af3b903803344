# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw udev``: the rules that let the person at the desk use every known device."""

from __future__ import annotations

import click

from ektp_hw.cli import console

__all__ = ["udev"]

_RELOAD = "udevadm control --reload && udevadm trigger"


@click.command()
@click.option("--write", is_flag=True, help="Write them where udev reads them; needs root.")
def udev(write: bool) -> None:
    """Print the udev rules for the USB devices of all drivers, those of other packages too.

    \b
    Examples:
      ektp-hw udev
      sudo ektp-hw udev --write
    \b
    Exit codes: 0 done, 2 the file cannot be written.
    """
    from ektp_hw.registry import drivers
    from ektp_hw.transport.udev_rules import RULES_FILE, rules_of

    with console.log_shown():
        known = sorted(drivers(), key=lambda driver: driver.name)
    lines = ["# Capture devices known to ektp_hw; written by 'ektp-hw udev'."]
    for driver in known:
        lines += rules_of(driver.name, driver.usb_ids, driver.schemes)
    text = "\n".join(lines)
    if not write:
        console.say(text)
        return
    try:
        _write(RULES_FILE, text + "\n")
    except OSError as error:
        raise click.ClickException(
            f"{RULES_FILE} cannot be written ({error.strerror}); run 'sudo ektp-hw udev --write'"
        ) from error
    console.say(
        f"{RULES_FILE}: written; make udev read it with '{_RELOAD}', or plug devices in anew"
    )


def _write(name: str, text: str) -> None:
    """Put a whole file in place, so that udev never reads half of one."""
    from pathlib import Path

    path = Path(name)
    part = path.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
