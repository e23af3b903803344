# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw extract``: pictures of prints become templates."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ektp_hw.cli import console
from ektp_hw.cli.prints import TEMPLATE_SUFFIX, ppi_option

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

__all__ = ["extract"]


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@ppi_option
@click.option("--method", default=None, help="Road of extraction; by default the best there is.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Write each template into this folder, as NAME{TEMPLATE_SUFFIX}.",
)
@click.option(
    "--trace",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write what every step made into this folder, as NAME.STEP.png or .npy.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def extract(
    files: tuple[Path, ...],
    ppi: float | None,
    method: str | None,
    out: Path | None,
    trace: Path | None,
    as_json: bool,
) -> None:
    """Find the minutiae on pictures of prints.

    A picture without any is a result (0 minutiae), not an error.

    \b
    Example:
      ektp-hw extract --out templates/ prints/*.png
    \b
    Exit codes: 0 done, 2 a file cannot be read as a print (nothing after it is done).
    """
    from ektp_hw import fingerprint
    from ektp_hw.records.picture import read_fingerprint_image

    for folder in (out, trace):
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
    found = []
    with console.progress("extracting", len(files)) as advance:
        for path in files:
            image = read_fingerprint_image(path, ppi=ppi)
            begun = time.perf_counter()
            template = fingerprint.extract(
                image, method=method, trace=_writer(trace, path.stem) if trace else None
            )
            spent = time.perf_counter() - begun
            if out:
                (out / path.name).with_suffix(TEMPLATE_SUFFIX).write_bytes(template.to_bytes())
            found.append(
                {
                    "file": str(path),
                    "width": image.width,
                    "height": image.height,
                    "ppi": image.ppi,
                    "minutiae": len(template),
                    "mean_reliability": float(template.reliability.mean())
                    if template.x.size
                    else 0.0,
                    "bytes": len(template.to_bytes()),
                    "ms": round(1000 * spent, 3),
                }
            )
            advance()
    if as_json:
        console.print_json(found)
    else:
        console.table("Templates", list(found[0]), [list(row.values()) for row in found])


def _writer(folder: Path, stem: str) -> Callable[[str, object], None]:
    """Return a trace that keeps every step's result as a file."""
    import numpy as np
    from PIL import Image

    def write(name: str, value: object) -> None:
        array = np.asarray(value)
        if array.ndim == 2 and array.dtype.kind in "bufi":
            Image.fromarray(_grey(array)).save(folder / f"{stem}.{name}.png")
        else:
            np.save(folder / f"{stem}.{name}.npy", array, allow_pickle=False)

    return write


def _grey(array: np.ndarray) -> np.ndarray:
    """Stretch a map of any numbers to 0..255."""
    import numpy as np

    values = np.nan_to_num(array.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / (high - low or 1.0))).astype(np.uint8)
