# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw demo``: the main job on a virtual station, told step by step."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ektp_hw.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ektp_hw.station.report import Page

__all__ = ["demo"]

PAGE_NAME = "ektp-hw-demo.html"


@click.command()
@click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Present the prints of this folder instead: identity is the stem up to the last '_'.",
)
@click.option(
    "--people",
    type=click.IntRange(2, 1000),
    default=10,
    show_default=True,
    help="How many people come to the counter.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Who they are; the same seed brings the same people.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=f"Where the page goes: FILE.html, or a folder for {PAGE_NAME} and the gallery. "
    "By default the page goes here and the gallery is thrown away; real prints leave no page.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only JSON.")
def demo(images: Path | None, people: int, seed: int, out: Path | None, as_json: bool) -> int:
    """Record people at a virtual station and find the one who came twice.

    People who do not exist lay both index fingers on a scanner that exists only as a USB
    protocol. One of them comes again under another name. The gallery is searched for duplicates,
    and a page with the prints, their minutiae and the match is written.

    With --images, the scanner is given real prints: the first of each finger is enrolled, the
    others are searched.

    \b
    Examples:
      ektp-hw demo
      ektp-hw demo --images fvc2002/DB1_B --out results/
    \b
    Exit codes: 0 exactly that person was found (with --images: done), 1 somebody was missed or
    wrongly accused, 2 usage or input error.
    """
    begun = time.perf_counter()
    page = _page_path(out, keep_by_default=images is None)
    road = _of_prints(images) if images else _of_people(people, seed)
    with _gallery_folder(out) as folder:
        compiled = _compile_kernels()
        answer = road(folder)
        if page:
            from ektp_hw.station.report import write

            with console.progress("writing the page"):
                write(answer.page(time.perf_counter() - begun), page)
    facts = {
        "seconds": time.perf_counter() - begun,
        "compiled_kernels": compiled,
        "page": str(page) if page else None,
        "gallery": str(folder) if folder.exists() else None,
    }
    if as_json:
        console.print_json({**answer.json, **facts})
    else:
        answer.tell()
        console.say(f"time: {facts['seconds']:.1f} s")
        console.say(f"page: {page.absolute()}" if page else "page: none; --out FILE.html writes it")
    return answer.code


class _Answer(NamedTuple):
    """What one of the two roads has to say."""

    json: dict[str, object]
    tell: Callable[[], None]
    page: Callable[[float], Page]
    code: int


def _of_people(people: int, seed: int) -> Callable[[Path], _Answer]:
    def road(folder: Path) -> _Answer:
        from ektp_hw.cli import demo_of_people
        from ektp_hw.cli.rehearsal import FINGERS, rehearse

        console.step(f"recording {people} people, one of them twice, through the virtual scanner")
        with console.progress("the first person comes", (people + 1) * len(FINGERS)) as advance:
            done = rehearse(people, seed, folder, advance)
        return _Answer(
            {"seed": seed, **demo_of_people.as_json(done)},
            partial(demo_of_people.tell, done),
            partial(demo_of_people.page_of, done),
            0 if done.wrong == 0 else 1,
        )

    return road


def _of_prints(images: Path) -> Callable[[Path], _Answer]:
    from ektp_hw.cli.presentation import firsts_and_rest, present
    from ektp_hw.evaluation.protocol import samples_in
    from ektp_hw.records.picture import PICTURE_SUFFIXES, read_fingerprint_image

    files = samples_in(images, PICTURE_SUFFIXES)
    for path in files:
        read_fingerprint_image(path)  # says what is wrong before anything else is begun

    firsts, rest = firsts_and_rest(files)

    def road(folder: Path) -> _Answer:
        from ektp_hw.cli import demo_of_prints

        console.step(f"presenting {len(files)} prints to the virtual scanner")
        with console.progress("presenting prints", len(files)) as advance:
            done = present(firsts, rest, folder, advance)
        return _Answer(
            demo_of_prints.as_json(done),
            partial(demo_of_prints.tell, done),
            partial(demo_of_prints.page_of, done, images.name),
            0,
        )

    return road


def _compile_kernels() -> int:
    """Let every kernel run once, telling where that compiles; return how many were compiled."""
    from ektp_hw import fingerprint
    from ektp_hw.jit import compilations_told
    from ektp_hw.samples import FingerPosition
    from ektp_hw.synthetic import SyntheticPerson

    compiled = 0
    with console.progress("preparing the kernels") as advance:

        def tell(name: str) -> None:
            nonlocal compiled
            if compiled == 0:
                console.step("compiling the kernels, first time only ...")
            compiled += 1
            advance(doing=f"compiling the kernels, first time only: {name.strip('_')}")

        with compilations_told(tell):
            finger = SyntheticPerson(0).finger(FingerPosition.RIGHT_INDEX)
            template = fingerprint.extract(finger.impression(0).image)
            fingerprint.compare(template, template)
    return compiled


def _page_path(out: Path | None, *, keep_by_default: bool) -> Path | None:
    """Return where the page goes, having seen that it can be written there."""
    if out is None:
        page = Path(PAGE_NAME) if keep_by_default else None
    elif out.suffix.lower() in {".html", ".htm"}:
        page = out
    else:
        page = out / PAGE_NAME
    if page:
        page.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(page.parent, os.W_OK):
            raise PermissionError(13, "this folder cannot be written to; give --out", page.parent)
    return page


@contextmanager
def _gallery_folder(out: Path | None) -> Iterator[Path]:
    """Yield where the gallery goes: into the folder asked for, under the time, or nowhere kept."""
    if out and out.suffix.lower() not in {".html", ".htm"}:
        yield out / f"gallery-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        return
    with tempfile.TemporaryDirectory(prefix="ektp-hw-demo-") as folder:
        yield Path(folder) / "gallery"
