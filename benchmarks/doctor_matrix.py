# SPDX-License-Identifier: Apache-2.0
"""Every trouble of a station that we can make, and what the doctor says of it, as Markdown.

``python benchmarks/doctor_matrix.py [WORDS ...]``: the troubles are those of
``tests/diagnostics/matrix``, all or those whose name has one of the words. Ends with 1 if fewer
than 95 % are right, a cause is said for sure that is none, a sound station is not called sound, or
one takes more than a minute. Needs root on Linux, `cryptography`, iproute2 and umockdev.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import mock_kernel
from diagnostics.laboratory import laboratory, why_not
from diagnostics.matrix.all_troubles import troubles
from diagnostics.matrix.bench import Answer, examine_with

RIGHT, TYPICAL, LONGEST = 0.95, 10.0, 60.0
_HEAD = """\
| what was broken | expected | the doctor's verdict | certainty | seconds | right? |
|:---|:---|:---|---:|---:|:---|"""


def _causes(causes):
    return ", ".join(sorted(cause.value for cause in causes))


def _expected(trouble):
    words = _causes(trouble.causes) or "healthy"
    return {"fault": words, "remark": f"healthy, a remark: {words}"}.get(
        trouble.kind, f"undecided ({words})"
    )


def _said(answer):
    verdict = answer.verdict
    said = _causes(fault.cause for fault in verdict.faults)
    if verdict.undecided:
        guessed = _causes({fault.cause for fault in verdict.undecided})
        said = f"{said}, " if said else ""
        said += f"undecided ({guessed})"
    if verdict.is_healthy:
        remarks = _causes({each.cause for each in verdict.suspects})
        said = f"healthy, a remark: {remarks}" if remarks else "healthy"
    return said


def row(answer: Answer) -> str:
    """Return a row of the table."""
    found = [*answer.verdict.faults, *answer.verdict.undecided]
    sure = [fault.root.certainty for fault in found] or [
        each.certainty for each in answer.verdict.suspects
    ]
    right = "yes" if answer.is_right else "WRONG, AND SURE" if answer.is_confidently_wrong else "no"
    certainty = ", ".join(f"{each:.2f}" for each in sure)
    cells = (
        answer.trouble.name, _expected(answer.trouble), _said(answer), certainty,
        f"{answer.seconds:.1f}", right,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def failures(answers: list[Answer]) -> list[str]:
    """Return what is missed of that which must hold."""
    missed = []
    right = sum(answer.is_right for answer in answers) / len(answers)
    if right < RIGHT:
        missed.append(f"only {right:.1%} are right")
    for answer in answers:
        if answer.is_confidently_wrong:
            missed.append(f"{answer.trouble.name}: a confident wrong verdict")
        if not answer.trouble.causes and not (answer.verdict.is_healthy and answer.is_right):
            missed.append(f"{answer.trouble.name}: not called healthy")
        if answer.seconds > LONGEST:
            missed.append(f"{answer.trouble.name}: took {answer.seconds:.0f} s")
    typical = statistics.median(answer.seconds for answer in answers)
    if typical > TYPICAL:
        missed.append(f"typically {typical:.1f} s")
    return missed


def summary(answers: list[Answer]) -> str:
    """Return the figures in one sentence."""
    seconds = sorted(answer.seconds for answer in answers)
    right = sum(answer.is_right for answer in answers)
    wrong = sum(answer.is_confidently_wrong for answer in answers)
    return (
        f"{len(answers)} stations, {right} right ({right / len(answers):.1%}), {wrong} confidently "
        f"wrong; {statistics.median(seconds):.1f} s typically, {seconds[-1]:.1f} s at most."
    )


def main() -> int:
    """Print the table; see the file's first words."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("word", nargs="*", help="only the troubles whose name has it")
    words = options.parse_args().word
    if lack := why_not() or mock_kernel.missing():
        print(lack)
        return 1
    answers = []
    print(_HEAD, flush=True)
    with laboratory() as lab:
        for trouble in troubles():
            if not words or any(word in trouble.name for word in words):
                answers.append(examine_with(lab, trouble))
                print(row(answers[-1]), flush=True)
    if not answers:
        print("no such trouble")
        return 1
    print(f"\n{summary(answers)}")
    missed = failures(answers)
    print("".join(f"MISSED: {each}\n" for each in missed), end="")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
