# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw devices``: what is plugged in, and what would be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from ektp_hw.devices import DeviceInfo

__all__ = ["devices"]


@click.command()
@click.option(
    "--kind",
    type=click.Choice(["fingerprint", "iris", "signature", "card"]),
    default=None,
    help="Only devices of this kind.",
)
@click.option("--supported", is_flag=True, help="List every driver and its ids instead.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds after which a silent bus is given up.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def devices(kind: str | None, supported: bool, timeout: float, as_json: bool) -> None:
    """List capture devices; opens none of them.

    \b
    Examples:
      ektp-hw devices
      ektp-hw devices --supported --json
    \b
    Exit codes: 0 done (an empty list too), 2 usage error.
    """
    if supported:
        _print_drivers(as_json=as_json)
        return
    from ektp_hw.registry import discover

    with console.log_shown():
        found = discover(kind, timeout=timeout)
    if as_json:
        console.print_json([_as_json(info) for info in found])
    elif found:
        rows = [[info.kind, info.name, info.driver, info.uri] for info in found]
        console.table("Devices", ["kind", "name", "driver", "uri"], rows)
    else:
        console.say("no device answers; see 'ektp-hw devices --supported' for what would be known")


def _as_json(info: DeviceInfo) -> dict[str, object]:
    usb_id = (
        f"{info.vendor_id:04x}:{info.product_id:04x}"
        if info.vendor_id is not None and info.product_id is not None
        else None
    )
    return {
        "uri": info.uri,
        "kind": info.kind,
        "name": info.name,
        "driver": info.driver,
        "serial": info.serial,
        "usb_id": usb_id,
    }


def _print_drivers(*, as_json: bool) -> None:
    from ektp_hw.registry import drivers

    rows: list[dict[str, Any]] = []
    with console.log_shown():
        for driver in sorted(drivers(), key=lambda driver: driver.name):
            ids = [{"id": str(each), "model": each.model} for each in driver.usb_ids]
            rows.append(
                {
                    "driver": driver.name,
                    "kind": getattr(driver, "kind", None),
                    "about": (driver.__doc__ or "").strip().splitlines()[0],
                    "schemes": list(driver.schemes),
                    "usb_ids": ids,
                }
            )
    if as_json:
        console.print_json(rows)
        return
    shown = [
        [
            row["driver"],
            row["kind"] or "all",
            row["about"],
            ", ".join([each["id"] for each in row["usb_ids"]] or row["schemes"]),
        ]
        for row in rows
    ]
    console.table("Drivers", ["driver", "kind", "what it is for", "found by"], shown)
