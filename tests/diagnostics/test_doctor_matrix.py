# SPDX-License-Identifier: Apache-2.0
"""The doctor's verdict on sound and broken stations: a few here, all with an environment variable.

``EKTP_HW_DOCTOR_MATRIX=1`` examines every station of `diagnostics.matrix`, which takes about ten
minutes; `benchmarks/doctor_matrix.py` shows the same as a table.
"""

import importlib.util
import os
from collections import Counter
from pathlib import Path

import pytest

from diagnostics.laboratory import laboratory, why_not
from diagnostics.matrix.bench import Answer, Trouble, examine_with
from diagnostics.readings import lacking
from ektp_hw.diagnostics.findings import Cause, Finding, Outcome, message
from ektp_hw.diagnostics.probing import Report
from ektp_hw.diagnostics.verdict import judge

mock_kernel = pytest.importorskip("mock_kernel", exc_type=ImportError)  # not outside Linux
if lack := mock_kernel.missing():
    pytest.skip(lack, allow_module_level=True)

from diagnostics.matrix.all_troubles import DOUBLE, SINGLE, SOUND, troubles  # noqa: E402

needs_laboratory = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
_ALL = os.environ.get("EKTP_HW_DOCTOR_MATRIX") == "1"
_BENCHMARK = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "doctor_matrix.py"


@pytest.fixture(scope="module")
def table():
    """The benchmark's own functions: what it demands is demanded here."""
    spec = importlib.util.spec_from_file_location("doctor_matrix", _BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_matrix_holds_what_it_must():
    names = [trouble.name for trouble in troubles()]
    assert len(names) == len(set(names))
    assert len(SINGLE) >= 40
    assert len(DOUBLE) >= 8
    assert all(not trouble.causes for trouble in SOUND)
    sure = Counter(cause for one in SINGLE if one.kind == "fault" for cause in one.causes)
    assert set(sure) == set(Cause)
    assert min(sure.values()) >= 3, sure
    assert all(len(trouble.causes) == 2 for trouble in DOUBLE)


def answer(trouble, *found):
    """Judge made-up findings, (cause, outcome, certainty) each."""
    said = message("probe.silent", seconds=1)
    findings = [
        Finding(f"area.{number}", said, said, outcome, cause, certainty)
        for number, (cause, outcome, certainty) in enumerate(found)
    ]
    report = Report(tuple(findings), {one.probe: () for one in findings}, 1.0)
    return Answer(trouble, report, judge(report, {}), 1.0)


BROKEN, SUSPECT = Outcome.BROKEN, Outcome.SUSPECT
PAD = (Cause.PAD,)


@pytest.mark.parametrize(
    ("trouble", "found", "right", "confident"),
    [
        (Trouble("sound"), [], True, False),
        (Trouble("sound"), [(Cause.PAD, BROKEN, 0.5)], False, False),
        (Trouble("sound"), [(Cause.PAD, BROKEN, 0.9)], False, True),
        (Trouble("one", PAD), [(Cause.PAD, BROKEN, 0.9)], True, False),
        (Trouble("one", PAD), [], False, False),
        (Trouble("one", PAD), [(Cause.PAD, BROKEN, 0.5)], False, False),
        (Trouble("one", PAD), [(Cause.IRIS, BROKEN, 0.9)], False, True),
        (Trouble("one", PAD), [(Cause.PAD, BROKEN, 0.9), (Cause.IRIS, BROKEN, 0.9)], False, True),
        (Trouble("two", (*PAD, Cause.IRIS)), [(Cause.PAD, BROKEN, 0.9)], False, False),
        (Trouble("works", PAD, "remark"), [(Cause.PAD, SUSPECT, 0.9)], True, False),
        (Trouble("works", PAD, "remark"), [(Cause.PAD, BROKEN, 0.9)], False, True),
        (Trouble("who knows", PAD, "undecided"), [(Cause.PAD, BROKEN, 0.5)], True, False),
        (Trouble("who knows", PAD, "undecided"), [(Cause.PAD, BROKEN, 0.9)], False, True),
    ],
)
def test_what_is_called_right(table, trouble, found, right, confident):
    told = answer(trouble, *found)
    assert (told.is_right, told.is_confidently_wrong) == (right, confident)
    assert bool(table.failures([told])) == (not right)
    assert ("WRONG, AND SURE" in table.row(told)) == confident


@pytest.fixture(scope="module")
def lab():
    with laboratory() as built:
        yield built


def examined(lab, trouble):
    """Examine a station and say how it went, if it went wrong."""
    told = examine_with(lab, trouble)
    roots = [(fault.cause, fault.root.seen.key, fault.root.device) for fault in told.verdict.faults]
    assert told.seconds < 60
    assert not [each for one in told.report.findings for each in lacking(one.evidence)]
    return told, f"{trouble.name}: {roots}, perhaps {told.verdict.undecided}"


@needs_laboratory
@pytest.mark.skipif(_ALL, reason="the whole matrix is tried")
@pytest.mark.parametrize("trouble", [SOUND[1], SOUND[3], DOUBLE[0]], ids=lambda each: each.name)
def test_some_stations(lab, trouble):
    told, words = examined(lab, trouble)
    assert told.is_right, words


@needs_laboratory
@pytest.mark.skipif(not _ALL, reason="EKTP_HW_DOCTOR_MATRIX=1 tries the whole matrix")
def test_every_station(lab, table):
    answers = [examined(lab, trouble)[0] for trouble in troubles()]
    wrong = "\n".join(table.row(each) for each in answers if not each.is_right)
    assert not table.failures(answers), f"{table.failures(answers)}\n{wrong}"
