# SPDX-License-Identifier: Apache-2.0
"""What every probe must keep to, whoever wrote it."""

import ast
import sys
from pathlib import Path

import pytest

import ektp_hw.diagnostics.probes as package
from ektp_hw.diagnostics.examination import as_plain, examine
from ektp_hw.diagnostics.findings import Outcome
from ektp_hw.diagnostics.letter import letter_of
from ektp_hw.diagnostics.probes import AREAS, all_probes, causes_of_probes
from ektp_hw.diagnostics.surroundings import Surroundings
from ektp_hw.diagnostics.wording import LANGUAGES, catalogue

PROBES = all_probes()
SAYING = {"broken", "suspect", "sound", "untested"}
FILES = sorted(
    path
    for path in Path(package.__file__).parent.rglob("*.py")
    if "probes.saying" in path.read_text()
)


def test_names_are_told_once_and_stand_on_one_another():
    names = [probe.name for probe in PROBES]
    assert len(set(names)) == len(names)
    assert set(causes_of_probes()) == set(names)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_sentence_is_there(path, language):
    """Every literal key of a file exists; what is broken or suspect comes with an advice."""
    said = catalogue(language)
    for call in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            continue
        if call.func.id not in SAYING or not isinstance(call.args[1], ast.Constant):
            continue
        key = call.args[1].value
        assert key in said, key
        if call.func.id in {"broken", "suspect"}:
            assert f"{key}_advice" in said, f"{key}_advice"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_has_a_name(language):
    own = [probe.name for probe in PROBES if type(probe).__module__.startswith(package.__name__)]
    layers = {
        name for name in own if name.split(".")[0] in {"network", "computer", "storage", "records"}
    }
    assert layers
    assert {f"{name}_checked" for name in layers} <= set(catalogue(language))


def test_nothing_stands_on_itself():
    stands_on = {probe.name: probe.stands_on for probe in PROBES}

    def depth(name, above=()):
        assert name not in above, f"{name} stands on itself"
        return 1 + max((depth(each, (*above, name)) for each in stands_on.get(name, ())), default=0)

    assert max(map(depth, stands_on)) < 20
    unknown = {each for below in stands_on.values() for each in below} - set(stands_on)
    assert not unknown


@pytest.fixture
def half_installed(monkeypatch):
    """Let the import of an area's file fail."""

    def break_area(area, error):
        class Broken:
            def find_spec(self, name, _path, _target=None):
                if name == f"{package.__name__}.{area}":
                    raise error

        monkeypatch.delitem(sys.modules, f"{package.__name__}.{area}", raising=False)
        monkeypatch.delattr(package, area, raising=False)
        monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])

    return break_area


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "opencv-python-headless"),
        (ModuleNotFoundError("No module named 'rusak'", name="rusak"), "--force-reinstall rusak"),
        (ImportError("cannot import name", name="ektp_hw.diagnostics.x"), "reinstall ektp_hw"),
        (SyntaxError("cut off"), "reinstall ektp_hw"),
        (AttributeError("no attribute 'PROBES'"), "reinstall ektp_hw"),
        (ModuleNotFoundError("No module named 'fcntl'", name="fcntl"), "Python 3.11"),
        (OSError("libGL.so.1: cannot open shared object file"), "reinstall ektp_hw"),
    ],
)
def test_a_half_installed_area_says_what_to_install(half_installed, error, remedy):
    half_installed("storage", error)
    probes = [probe for probe in all_probes() if probe.name.startswith("storage")]
    examination = examine(Surroundings(), probes, causes_of_probes())
    (found,) = examination.report.findings
    assert (found.outcome, found.probe) == (Outcome.UNTESTED, "storage.loading")
    assert not examination.verdict.ruled_out
    for language in LANGUAGES:
        (told,) = as_plain(examination, language, "1")["findings"]
        assert remedy in told["advice"]
        assert type(error).__name__ in told["seen"]


@pytest.mark.parametrize("area", AREAS)
def test_any_area_may_be_half_installed(half_installed, area):
    half_installed(area, SyntaxError("cut off"))
    names = [probe.name for probe in all_probes()]
    assert [name for name in names if name.startswith(f"{area}.")] == [f"{area}.loading"]
    assert set(causes_of_probes()) == set(names)
    assert all(f"probe.area_{area}" in catalogue(language) for language in LANGUAGES)


def test_the_other_areas_go_on_without_it(half_installed):
    half_installed("usb", SyntaxError("cut off"))
    names = [probe.name for probe in all_probes()]
    assert names[0] == "usb.loading"
    assert {"drivers.missing", "devices.fingerprint", "network.tls"} <= set(names)
    kept = {"usb.loading", "drivers.missing", "computer.clock"}
    probes = [probe for probe in all_probes() if probe.name in kept]
    document = as_plain(examine(Surroundings(), probes, causes_of_probes()), "id", "1")
    assert not document["ruled_out"]
    assert any("'ektp_hw' tidak dapat dimuat" in row.seen for row in letter_of(document).everything)
