# SPDX-License-Identifier: Apache-2.0
from string import Formatter

import pytest

from ektp_hw.diagnostics.findings import message
from ektp_hw.diagnostics.wording import LANGUAGES, catalogue, worded


def blanks(sentence):
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_every_language_says_the_same():
    first, *others = (catalogue(language) for language in LANGUAGES)
    for other in others:
        assert set(other) == set(first)
        for key, sentence in first.items():
            assert blanks(other[key]) == blanks(sentence), key


def test_blanks_are_filled_and_numbers_written_as_the_language_does():
    silent = message("probe.silent", seconds=1.5)
    assert worded(silent, "en") == "gave no answer within 1.5 s"
    assert worded(silent, "id") == "tidak memberi jawaban dalam 1,5 detik"


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="only id and en"):
        catalogue("nl")
