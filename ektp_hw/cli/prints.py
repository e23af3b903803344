# SPDX-License-Identifier: Apache-2.0
"""Files that a command is given: a picture of a print, or a template that was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ektp_hw.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ektp_hw.templates import FingerprintTemplate

__all__ = ["TEMPLATE_SUFFIX", "ppi_option", "read_template"]

TEMPLATE_SUFFIX = ".ekft"
_TEMPLATE_MAGIC = b"EKFT"

ppi_option: Callable[[Any], Any] = click.option(
    "--ppi",
    type=float,
    default=None,
    help="True pixels per inch of the pictures; by default what the file says, else 500.",
)


def read_template(path: Path, ppi: float | None = None) -> FingerprintTemplate:
    """Read a template file, or make the template of a picture.

    Raises
    ------
    SampleError, TemplateError, OSError
        With the file's name in front, if it is neither.
    """
    from ektp_hw import fingerprint
    from ektp_hw.records.picture import read_fingerprint_image
    from ektp_hw.templates import FingerprintTemplate

    with path.open("rb") as file:
        is_template = file.read(len(_TEMPLATE_MAGIC)) == _TEMPLATE_MAGIC
    if not is_template:
        return fingerprint.extract(read_fingerprint_image(path, ppi=ppi))
    try:
        return FingerprintTemplate.from_bytes(path.read_bytes())
    except TemplateError as error:
        raise TemplateError(f"{path}: {error}") from error
