# SPDX-License-Identifier: Apache-2.0
"""What is read and shown as evidence has a name and a word in every language.

The findings that tests make are looked at as they are made (`conftest`); here is what stands in the
sources of the probes, also where no test comes by.
"""

import ast
import re
from pathlib import Path

import pytest

from diagnostics.readings import lacking
from ektp_hw.diagnostics import probes
from ektp_hw.diagnostics.wording import catalogue

ROOM = Path(probes.__file__).parent
SOURCES = sorted([*ROOM.rglob("*.py"), *ROOM.parent.glob("live_*.py")])
_NAME = re.compile(r"[a-z][a-z0-9_]*(?=$|:)")


def text_of(node):
    """Return a constant text, or the beginning of one with blanks; None if it is neither."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
        return node.value if isinstance(node, ast.Constant) and ":" in node.value else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def read_in(source):
    """Return the (name, value) pairs of the readings in a source; a value that varies is None."""
    pairs = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Dict):
                pairs += zip(node.keys, node.values, strict=True)
            elif isinstance(node, ast.DictComp):
                pairs.append((node.key, node.value))
            elif isinstance(node, ast.Assign) and isinstance(
                item := node.targets[0], ast.Subscript
            ):
                kept = ast.unparse(item.value) in {"evidence", "measures", "told"}
                pairs += [(item.slice, node.value)] if kept else []
    found = []
    for key, value in pairs:
        name = text_of(key)
        if name is not None and "/" not in name and name != "~":
            ends = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            found += [(name, text_of(each)) for each in ends]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOM.parent)))
def test_what_a_probe_reads_has_texts(path):
    read = read_in(path.read_text(encoding="utf-8"))
    bare = [each for pair in read for each in lacking(dict([pair]))]
    assert not bare, "give them a text in texts/*/reading.toml and value.toml"
    assert all(_NAME.match(name) for name, _ in read)


def test_the_net_catches_what_it_should():
    source = 'def f(x):\n    e = {"link": "carrier", "of_nothing": 1, f"slot:{x}": "odd word"}\n'
    source += '    evidence["also not"] = 2 if x else "lost"\n    other["no evidence"] = 1\n'
    bare = {each for pair in read_in(source) for each in lacking(dict([pair]))}
    assert bare == {"reading.of_nothing", "value.odd_word (of slot:)", "reading.also not"}


def test_no_text_is_for_nothing():
    """A reading that nothing gives any more has no name."""
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOM.parent.rglob("*.py"))
    names = [key.partition(".")[2] for key in catalogue("en") if key.startswith("reading.")]
    made = {"link_", "_in_the_last_hour"}  # put together from two parts
    left = [name for name in names if not re.search(rf"\b{name}\b", sources)]
    assert not [name for name in left if not any(part in name for part in made)]
