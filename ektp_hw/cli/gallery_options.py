# SPDX-License-Identifier: Apache-2.0
"""What every command on a gallery is given: its folder, its key file, and how to answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["gallery_argument", "gallery_or_address", "json_option", "key_option"]


def _secret(_context: object, _option: object, path: Path | None) -> bytes | None:
    """Return what is in the key file, but for the end of its last line."""
    return None if path is None else path.read_bytes().rstrip(b"\r\n")


def _understood(_context: object, _argument: object, given: str) -> str:
    """Return the folder or address, or say what is wrong with the address."""
    from ektp_hw.gallery import cluster

    try:
        if cluster.is_cluster(given):
            cluster.parse(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return given


gallery_argument: Callable[[Any], Any] = click.argument(
    "gallery_path", metavar="GALLERY", type=click.Path(path_type=Path)
)
gallery_or_address: Callable[[Any], Any] = click.argument(
    "gallery_path", metavar="GALLERY", callback=_understood
)
json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print only JSON."
)
key_option: Callable[[Any], Any] = click.option(
    "--key-file",
    "secret",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    envvar="EKTP_HW_GALLERY_KEY_FILE",
    callback=_secret,
    help="File whose content is the passphrase of an encrypted gallery; one that is made with it "
    "is encrypted. EKTP_HW_GALLERY_KEY_FILE says the same.",
)
