# SPDX-License-Identifier: Apache-2.0
"""What a comparison score means, in words that are true."""

from __future__ import annotations

__all__ = ["MEANING", "MEASURED_TO", "in_words"]

MEASURED_TO = 4.0
"""Score up to which the calibration is measured; see `ektp_hw.fingerprint.calibration`."""

_RATE = """\
A score is -log10 of the false match rate: 3 means that one pair of different fingers in 1,000
scores as high, 4 one in 10,000, and so on. For a person, the scores of the single fingers are put
together by Fisher's method, so that the person's score means the same: how rarely two different
people would score as high."""
_LIMITS = f"""\
The rate was measured on real and synthetic prints up to about {MEASURED_TO:g}; above that the
scores continue the measured tail and are an extrapolation: good for ordering, no warranty. On a
single kind of sensor they may be off by about 1, so that a 4 means one pair in 1,000 to one in
100,000. And a false match rate is no probability of guilt: in a search among a million people a
score of 6 is expected once by chance. A person decides, looking at the prints."""
MEANING = (_RATE, _LIMITS)
"""What a reader of scores should know, in two paragraphs."""


def in_words(score: float, *, of: str = "fingers") -> str:
    """Say how many non-mated pairs score as high.

    Parameters
    ----------
    of
        What is compared: ``fingers`` or ``people``.
    """
    if score < 1:
        return f"score {score:.1f}: many pairs of different {of} score as high"
    if score <= MEASURED_TO:
        return f"score {score:.1f}: one in {_one_in(score)} pairs of different {of} scores as high"
    return (
        f"score {score:.1f}: fewer than one in {_one_in(MEASURED_TO)} pairs of different {of} "
        "score as high; how many fewer was never measured"
    )


def _one_in(score: float) -> str:
    digits = max(int(score) - 1, 0)
    return f"{round(10**score / 10**digits) * 10**digits:,}"
