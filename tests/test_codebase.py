# SPDX-License-Identifier: Apache-2.0
"""The house rules, kept by the machine: who imports whom, what every file and driver must have."""

import ast
import re
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ektp_hw"
MODULES = sorted(PACKAGE.rglob("*.py"))
LINES_AT_MOST = 400

MAY_IMPORT = {
    "errors": set(),
    "samples": {"errors"},
    "templates": {"samples", "errors"},
    "tracing": set(),
    "jit": set(),
    "writer_lock": set(),
    "native": {"errors"},
    "devices": {"samples", "errors"},
    "transport": {"errors"},
    "registry": {"devices", "transport", "samples", "errors"},
    "hotplug": {"registry", "devices", "transport", "errors"},
    "asynchronous": {"hotplug", "registry", "devices"},
    "drivers": {"devices", "transport", "samples", "errors"},
    "virtual": {"registry", "devices", "transport", "synthetic", "samples", "errors"},
    "synthetic": {"samples", "templates", "errors", "jit"},
    "fingerprint": {"samples", "templates", "errors", "native", "jit", "tracing"},
    "training": {"synthetic", "fingerprint", "samples", "templates", "errors"},
    "records": {"samples", "templates", "errors", "native"},
    "gallery": {"fingerprint", "templates", "samples", "errors", "native", "writer_lock"},
    "evaluation": {"fingerprint", "gallery", "records", "templates", "samples", "errors"},
    "diagnostics": {"registry", "devices", "transport", "samples", "errors", "writer_lock"},
    "station": {
        "gallery",
        "registry",
        "devices",
        "fingerprint",
        "records",
        "templates",
        "samples",
        "errors",
    },
}
"""Room -> rooms it may import. `cli` may import everything and is imported by nobody."""


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[str, bool]]:
    """Return (dotted module, is it imported only for type checking) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in for_types) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            found.append((node.module, id(node) in for_types))
            found += [
                (f"{node.module}.{alias.name}", id(node) in for_types) for alias in node.names
            ]
    return found


def rooms_imported(path: Path) -> set[str]:
    names = {name.split(".")[1] for name, _ in imported(path) if name.startswith("ektp_hw.")}
    return {
        name for name in names if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_only_go_down(path):
    here = room(path)
    if here in {"cli", "__init__"}:
        return
    allowed = MAY_IMPORT[here] | {here}
    assert rooms_imported(path) <= allowed, f"{here} may import only {sorted(allowed)}"


def test_no_driver_imports_another():
    drivers = {path.stem for path in (PACKAGE / "drivers").glob("*.py")} - {"__init__"}
    for path in (PACKAGE / "drivers").glob("*.py"):
        others = {name.split(".")[2] for name, _ in imported(path) if name.count(".") > 1}
        assert not others & (drivers - {path.stem}), path.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_doors(path):
    names = {name for name, for_types in imported(path) if not for_types}
    if path != PACKAGE / "native" / "library.py":
        assert "ektp_hw._native" not in names, "only native/library.py opens the compiled core"
    if path.name != "jit.py":
        assert not any(name.split(".")[0] == "numba" for name in names), "kernels go through jit"
    assert not any(name.startswith("ektp_hw.cli") for name in names) or room(path) == "cli"


def kernels_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any("kernel" in ast.unparse(decorator) for decorator in node.decorator_list)
    }


def test_kernels_call_no_kernel_of_another_file():
    """A numba cache does not notice a change in another file's kernel and would run old code."""
    kernels = {path: kernels_of(path) for path in MODULES}
    assert any(kernels.values())
    for path, own in kernels.items():
        foreign = set().union(*(names for other, names in kernels.items() if other != path)) - own
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name in own:
                called = {
                    ast.unparse(call.func)
                    for call in ast.walk(function)
                    if isinstance(call, ast.Call)
                }
                assert not called & foreign, (
                    f"{path.name}: {function.name} calls {called & foreign}"
                )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_what_it_is_for(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert ast.get_docstring(ast.parse(text)), "the file's first words say what the room is for"
    assert text.count("\n") <= LINES_AT_MOST, "has this file grown two subjects?"


def test_no_room_without_a_subject():
    vague = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|tools?)(_|$)")
    assert not [path for path in MODULES if vague.search(path.stem)]


def test_version_is_said_once_everywhere():
    import ektp_hw

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == ektp_hw.__version__


DRIVERS = sorted(entry_points(group="ektp_hw.drivers"), key=lambda entry: entry.name)


def test_every_driver_file_is_registered():
    registered = {entry.module for entry in DRIVERS}
    files = {f"ektp_hw.drivers.{path.stem}" for path in (PACKAGE / "drivers").glob("*.py")}
    assert files - {"ektp_hw.drivers.__init__"} <= registered


@pytest.mark.parametrize("entry", DRIVERS, ids=lambda entry: entry.name)
def test_every_driver_is_complete(entry):
    driver = entry.load()
    assert driver.name
    assert driver.__doc__
    if not entry.module.startswith("ektp_hw.drivers."):
        return
    assert getattr(driver, "usb_ids", ()) or getattr(driver, "schemes", ()), "how is it found?"
    stem = entry.module.rsplit(".", 1)[1]
    assert (ROOT / "tests" / "drivers" / f"test_{stem}.py").exists()
    assert list((ROOT / "tests" / "transcripts" / stem).glob("*")), "a driver needs a transcript"


def test_every_kernel_of_the_core_has_oracle_test_and_benchmark():
    declared = (ROOT / "native/include/ektp_native.cdef.h").read_text(encoding="utf-8")
    kernels = set(re.findall(r"\bektp_(\w+)\(", declared)) - {"isa_available", "isa_use"}
    assert kernels
    tests = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "tests/test_native.py", *(ROOT / "tests/native").glob("test_*.py"))
    )
    oracles = (ROOT / "tests/oracles.py").read_text(encoding="utf-8")
    benches = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").glob("bench_*.py")
    )
    native = import_module("ektp_hw.native")
    for name in kernels:
        assert callable(getattr(native, name)), f"native.{name}"
        assert f"def {name}(" in oracles, f"oracle {name}"
        assert f"def test_{name}" in tests, f"test_{name}"
        assert f"native.{name}" in benches, f"benchmark of native.{name}"
