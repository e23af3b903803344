# SPDX-License-Identifier: Apache-2.0
"""Which readings of findings lack a text in some language; what every test of a probe must keep."""

import re

from ektp_hw.diagnostics.letter import PROGRAMS_WORDS
from ektp_hw.diagnostics.wording import LANGUAGES, catalogue

__all__ = ["lacking"]

NAMES = frozenset(
    """driver drivers kernel_driver module programs group host name interface implementation part
    extractor native kernels usb_id node file udev_rule issuer zone sent_on_to found place
    """.split()  # noqa: SIM905  # words are easier to read than quotes
)
"""Readings that are names of things, the same in every language."""
_WORDS = re.compile(r"[a-z]+(?:[ _-][a-z]+)*")


def lacking(evidence):
    """Return what has no text: names of readings, and words that are read."""
    found = []
    for key, value in evidence.items():
        name = key.partition(":")[0]
        if any(f"reading.{name}" not in catalogue(each) for each in LANGUAGES):
            found.append(f"reading.{name}")
        if isinstance(value, str) and name not in NAMES | PROGRAMS_WORDS:
            words = [f"value.{re.sub(r'[ -]', '_', each)}" for each in value.split(", ")
                     if _WORDS.fullmatch(each)]  # fmt: skip
            found += [f"{word} (of {key})" for word in words for each in LANGUAGES
                      if word not in catalogue(each)]  # fmt: skip
    return sorted(set(found))
