# SPDX-License-Identifier: Apache-2.0
import pytest

from ektp_hw.station.wording import in_words

LESS_THAN_MEASURED = "fewer than one in 10,000 pairs of different fingers score as high"


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.0, "score 0.0: many pairs of different fingers score as high"),
        (2.0, "score 2.0: one in 100 pairs of different fingers scores as high"),
        (3.5, "score 3.5: one in 3,200 pairs of different fingers scores as high"),
        (4.0, "score 4.0: one in 10,000 pairs of different fingers scores as high"),
        (8.3, f"score 8.3: {LESS_THAN_MEASURED}; how many fewer was never measured"),
    ],
)
def test_score_in_words(score, words):
    assert in_words(score) == words


def test_what_was_compared_is_said():
    assert "different people" in in_words(3.0, of="people")
