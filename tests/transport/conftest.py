# SPDX-License-Identifier: Apache-2.0
"""The worked example of a maker's closed library, built for the tests of its process."""

import subprocess
from pathlib import Path

import pytest

KIT = Path(__file__).parents[1] / "vendor_kit"


@pytest.fixture(scope="session")
def built():
    """Compile a C file into a library and return its path."""

    def build(source, target, *options):
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", target, source, *options], check=True)
        return target

    return build


@pytest.fixture(scope="session")
def library(built, tmp_path_factory):
    """Return the maker's library of the worked example."""
    return built(KIT / "acme_ice.c", tmp_path_factory.mktemp("kit") / "libacme_ice.so")


@pytest.fixture(scope="module")
def acme(library):
    """Return the worked example's driver, with its library in place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(KIT)
        import acme

        patch.setattr(acme, "LIBRARY", str(library))
        yield acme


@pytest.fixture(scope="module")
def fault_file(tmp_path_factory):
    """Return the file in which the library looks for what shall go wrong."""
    with pytest.MonkeyPatch.context() as patch:
        file = tmp_path_factory.mktemp("fault") / "fault"
        patch.setenv("ACME_FAULT_FILE", str(file))
        yield file


@pytest.fixture
def fault(fault_file):
    """Return the function that says what goes wrong; nothing does before and after."""
    fault_file.write_text("")
    yield fault_file.write_text
    fault_file.write_text("")
