# SPDX-License-Identifier: Apache-2.0
"""Is this package whole? Its heavy parts are loaded in a program of their own, which may crash.

A wheel built for another processor, half an update, a cache that may not be written or a second
OpenCV in the way all show only when the part is loaded, and some of them end the program. As a
program (``python -m ektp_hw.diagnostics.package_check PART...``) it tells one JSON line per part.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import EntryPoint

__all__ = ["PARTS", "PackageState", "check_package"]

_EXTRACTORS = "ektp_hw.extractors"
_MODULE = "ektp_hw.diagnostics.package_check"
"""This one, whose name is another where it runs as a program."""


@dataclass(frozen=True)
class PackageState:
    """What the parts told.

    Parameters
    ----------
    versions, failures
        Of each part that loads its version, of the others why not.
    crash
        How the program ended if it did not end well; empty otherwise.
    """

    versions: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    crash: str = ""


def check_package(
    parts: Iterable[str], environment: Mapping[str, str], *, timeout: float
) -> PackageState:
    """Load the parts in a new program; each ends in `versions`, `failures` or the crash."""
    command = [sys.executable, "-m", _MODULE, *parts]
    try:
        ended = subprocess.run(  # noqa: S603  # our own interpreter and module
            command, env=dict(environment), capture_output=True, timeout=timeout, check=False
        )
        out, code = ended.stdout, ended.returncode
    except subprocess.TimeoutExpired as late:
        out, code = late.stdout or b"", None
    except OSError as error:
        return PackageState(crash=f"{type(error).__name__}: {error}")
    state = PackageState(crash=_crash(code, timeout))
    for line in out.decode("utf-8", "replace").splitlines():
        try:
            told = json.loads(line)
        except ValueError:  # a library that prints
            continue
        if isinstance(told, dict) and "part" in told:
            table = state.failures if "error" in told else state.versions
            table[str(told["part"])] = str(told.get("error", told.get("version", "")))
    return state


def _crash(code: int | None, timeout: float) -> str:
    if code is None:
        return f"it did not end within {timeout:g} s"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with code {code}" if code else ""


def _opencv() -> str:
    cv2 = import_module("cv2")
    import numpy as np

    cv2.GaussianBlur(np.zeros((8, 8), np.uint8), (3, 3), 1.0)
    return str(cv2.__version__)


def _native() -> str:
    native = import_module("ektp_hw.native")
    return str(native.isa().name.lower())


def _kernels() -> str:
    """Load our own extractor: its kernels are compiled, and kept where numba may write."""
    for entry in entry_points(group=_EXTRACTORS):
        if entry.name == "classical":
            return str(entry.load().__name__)
    raise LookupError("the package registers no extractor 'classical'; it is not whole")


PARTS: dict[str, Callable[[], str]] = {
    "numpy": lambda: str(import_module("numpy").__version__),
    "opencv": _opencv,
    "native": _native,
    "kernels": _kernels,
}
"""Parts of the package, and how each is loaded; it returns a version."""


def _name_of(entry: EntryPoint) -> str:
    return str(entry.load().__name__)


def _tell(part: str, load: Callable[[], str]) -> None:
    told = {"part": part}
    try:
        told["version"] = load()
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is the answer
        told["error"] = f"{type(error).__name__}: {error}"
    os.write(1, (json.dumps(told) + "\n").encode())


def _main(parts: list[str]) -> None:
    for part in parts:
        if part == "extractors":
            for entry in entry_points(group=_EXTRACTORS):
                _tell(f"extractor:{entry.name}", partial(_name_of, entry))
        else:
            _tell(part, PARTS[part])
    _tell("ektp_hw", lambda: version("ektp_hw"))


if __name__ == "__main__":
    _main(sys.argv[1:])
