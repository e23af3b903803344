# SPDX-License-Identifier: Apache-2.0
"""What every probe must keep to, whoever wrote it."""

import ast
from pathlib import Path

import pytest

import ektp_hw.diagnostics.probes as package
from ektp_hw.diagnostics.probes import all_probes, causes_of_probes
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

    assert max(map(depth, stands_on)) < 15
    unknown = {each for below in stands_on.values() for each in below} - set(stands_on)
    assert not unknown
