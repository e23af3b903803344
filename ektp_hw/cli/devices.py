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
    "--markdown",
    is_flag=True,
    help="With --supported: this package's own drivers as the table in its README.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds after which a silent bus is given up.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def devices(
    kind: str | None, supported: bool, markdown: bool, timeout: float, as_json: bool
) -> None:
    """List capture devices; opens none of them.

    \b
    Examples:
      ektp-hw devices
      ektp-hw devices --supported --json
      ektp-hw devices --supported --markdown
    \b
    Exit codes: 0 done (an empty list too), 2 usage error.
    """
    if markdown and (as_json or not supported):
        raise click.UsageError("--markdown is for --supported, and not together with --json")
    if supported:
        known = [row for row in _drivers() if kind in {None, row["kind"]}]
        _print_drivers(known, as_json=as_json, markdown=markdown)
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


def _drivers() -> list[dict[str, Any]]:
    """Describe every driver that can be loaded, by name."""
    from ektp_hw.registry import drivers

    with console.log_shown():
        known = sorted(drivers(), key=lambda driver: driver.name)
    return [
        {
            "driver": driver.name,
            "kind": getattr(driver, "kind", None),
            "about": (driver.__doc__ or "").strip().splitlines()[0],
            "schemes": list(driver.schemes),
            "usb_ids": [{"id": str(each), "model": each.model} for each in driver.usb_ids],
            "package": getattr(driver, "__module__", "").partition(".")[0],
        }
        for driver in known
    ]


def _print_drivers(rows: list[dict[str, Any]], *, as_json: bool, markdown: bool) -> None:
    if as_json:
        console.print_json(rows)
    elif markdown:
        console.say(_in_markdown([row for row in rows if row["package"] == "ektp_hw"]))
    else:
        shown = [
            [
                row["driver"],
                row["kind"] or "all",
                row["about"],
                ", ".join(each["id"] for each in row["usb_ids"]),
                ", ".join(f"{scheme}:" for scheme in row["schemes"]),
            ]
            for row in rows
        ]
        columns = ["driver", "kind", "what it is for", "USB ids", "addresses"]
        console.table("Drivers", columns, shown)


def _in_markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table of drivers that stands in the README."""
    lines = ["| driver | captures | devices | addresses |", "|---|---|---|---|"]
    for row in rows:
        models = [f"{each['model']} ({each['id']})" for each in row["usb_ids"]]
        devices = ", ".join(models) or row["about"].rstrip(".")
        addresses = ", ".join(f"`{scheme}:`" for scheme in row["schemes"])
        lines.append(f"| `{row['driver']}` | {row['kind'] or 'all'} | {devices} | {addresses} |")
    return "\n".join(lines)
