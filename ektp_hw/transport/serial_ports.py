# SPDX-License-Identifier: Apache-2.0
"""Which serial ports there are, and whose they are; opens none.

Addresses: ``serial:/dev/ttyUSB0``, with options behind a question mark: ``baud=57600``, and
``driver=zfm`` to say what is connected. Nobody can tell from a USB adapter what hangs on its other
end, and asking would send bytes to a stranger's gadget. So a port belongs to a driver only if
somebody said so: in the address, by a link of that name in /dev/ektp (see `udev_rule`), or the
maker by the adapter's own product name, which udev shows in /dev/serial/by-id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ektp_hw.errors import DeviceNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serial.tools.list_ports_common import ListPortInfo

__all__ = [
    "SerialAddress",
    "SerialPort",
    "locate",
    "named_ports",
    "ports",
    "rule_for",
    "udev_rule",
]

_BY_ID = Path("/dev/serial/by-id")
_NAMED = Path("/dev/ektp")
_LISTINGS = 3
_HIGHEST_BAUD = 4_000_000
_FORM = "serial:/dev/ttyUSB0?baud=57600"


@dataclass(frozen=True)
class SerialAddress:
    """What an address says: the port, the speed if it is named, whose protocol, what else."""

    uri: str
    path: str
    baud: int | None = None
    driver: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SerialPort:
    """A port of this machine, as far as it is known without opening it.

    Attributes
    ----------
    path
        The link by which it is found again after replugging, else the node.
    node
        ``/dev/ttyUSB0``; the number changes with the order of plugging.
    title
        What the adapter calls itself.
    vendor_id, product_id, serial
        Of the USB adapter; None and empty for ports of the board.
    """

    path: str
    node: str
    title: str
    vendor_id: int | None = None
    product_id: int | None = None
    serial: str = ""

    @property
    def uri(self) -> str:
        """The address of the port; what is connected to it is not known."""
        return f"serial:{self.path}"


def locate(uri: str) -> SerialAddress:
    """Read an address; opens nothing.

    Raises
    ------
    DeviceNotFound
        If it cannot be one.
    """
    path, _, query = uri.removeprefix("serial:").partition("?")
    if not uri.startswith("serial:") or not path or "\0" in path:
        raise DeviceNotFound(f"a serial address looks like {_FORM}", device=uri)
    options = dict(parse_qsl(query, keep_blank_values=True))
    baud, driver = options.pop("baud", None), options.pop("driver", None)
    if baud is None:
        return SerialAddress(uri, path, None, driver, options)
    if not re.fullmatch(r"[0-9]{1,7}", baud) or not 0 < int(baud) <= _HIGHEST_BAUD:
        raise DeviceNotFound(
            f"baud={baud} is no speed from 1 to {_HIGHEST_BAUD}; a serial address looks like"
            f" {_FORM}",
            device=uri,
        )
    return SerialAddress(uri, path, int(baud), driver, options)


def ports() -> list[SerialPort]:
    """List this machine's serial ports; opens none.

    These are candidates: what is connected to them is not known. `named_ports` gives the others.
    """
    links = {str(link.resolve()): str(link) for link in _links(_BY_ID)}
    return [
        SerialPort(
            links.get(str(Path(port.device).resolve()), port.device),
            port.device,
            port.product or port.description or port.device,
            port.vid,
            port.pid,
            port.serial_number or "",
        )
        for port in sorted(_comports(), key=lambda port: port.device)
    ]


def _comports() -> list[ListPortInfo]:
    from serial.tools.list_ports import comports

    for _ in range(_LISTINGS):
        try:
            return list(comports())
        except (OSError, TypeError):  # pySerial's way to say that one vanished meanwhile
            continue
    return []


def named_ports(driver: str, product: str = "") -> list[SerialPort]:
    """List the ports that somebody said are a driver's; opens none.

    Parameters
    ----------
    driver
        Links in /dev/ektp count that begin with it: ``zfm``, ``zfm-left``.
    product
        Pattern (regular expression, any case) of product names that only its devices have, as
        udev puts them into /dev/serial/by-id; empty for none.
    """
    chosen = [link for link in _links(_NAMED) if re.fullmatch(rf"{driver}([-0-9].*)?", link.name)]
    if product:
        chosen += [link for link in _links(_BY_ID) if re.search(product, link.name, re.IGNORECASE)]
    by_node = {str(Path(port.node).resolve()): port for port in ports()}
    found: dict[str, SerialPort] = {}
    for link in chosen:
        node = str(link.resolve())
        known = by_node.get(node, SerialPort(node, node, link.name))
        named = SerialPort(
            str(link), node, known.title, known.vendor_id, known.product_id, known.serial
        )
        found.setdefault(node, named)
    return list(found.values())


def udev_rule(vendor_id: int, product_id: int, serial: str = "", name: str = "") -> str:
    """Return the udev rule that lets the person at the desk use a USB adapter's port.

    It also keeps ModemManager from talking to it, and with a name makes the link in /dev/ektp by
    which discovery knows what is connected.
    """
    parts = [
        'SUBSYSTEM=="tty"',
        f'ATTRS{{idVendor}}=="{vendor_id:04x}"',
        f'ATTRS{{idProduct}}=="{product_id:04x}"',
    ]
    if serial:
        parts.append(f'ATTRS{{serial}}=="{serial}"')
    parts += ['MODE="0660"', 'TAG+="uaccess"', 'ENV{ID_MM_DEVICE_IGNORE}="1"']
    if name:
        parts.append(f'SYMLINK+="ektp/{name}"')
    return ", ".join(parts)


def rule_for(path: str) -> str:
    """Return the udev rule for the port at that path, as far as its adapter is known."""
    node = str(Path(path).resolve())
    for port in ports():
        if str(Path(port.node).resolve()) == node and port.vendor_id and port.product_id:
            return udev_rule(port.vendor_id, port.product_id)
    return f'KERNEL=="{Path(node).name}", MODE="0660", TAG+="uaccess"'


def _links(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # no such port is plugged in, or another system than Linux
        return []
