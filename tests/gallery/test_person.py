# SPDX-License-Identifier: Apache-2.0
"""What a person may be called and consist of."""

import dataclasses
import pickle

import pytest

from ektp_hw.gallery import Person
from ektp_hw.samples import Eye, FingerPosition


@pytest.mark.parametrize("identifier", ["", "   ", "x" * 201, "a\nb", "a\0b", "\x7f", "\ud800"])
def test_bad_identifiers(template, identifier):
    with pytest.raises(ValueError, match="identifier"):
        Person(identifier, {1: template()})


@pytest.mark.parametrize("identifier", ["3171", "x" * 200, "Ny. Søré 王", "../etc/passwd", "';--"])
def test_good_identifiers(template, identifier):
    assert Person(identifier, {1: template()}).id == identifier


def test_identifier_is_text(template):
    with pytest.raises(TypeError, match="text"):
        Person(3171, {1: template()})


def test_fingers_are_checked(template):
    with pytest.raises(ValueError, match="at least one finger"):
        Person("a", {})
    with pytest.raises(ValueError, match="no finger position"):
        Person("a", {99: template()})
    with pytest.raises(ValueError, match="group of fingers"):
        Person("a", {FingerPosition.RIGHT_FOUR: template()})
    with pytest.raises(TypeError, match="FingerprintTemplate"):
        Person("a", {FingerPosition.RIGHT_THUMB: b"template"})
    with pytest.raises(ValueError, match="irises"):
        Person("a", {1: template()}, irises={Eye.LEFT: object()})
    with pytest.raises(ValueError, match="the name"):
        Person("a", {1: template()}, name="two\nlines")


def test_immutable(template):
    fingers = {2: template()}
    person = Person("a", fingers)
    fingers[3] = template()
    assert list(person.fingers) == [FingerPosition.RIGHT_INDEX]
    with pytest.raises(TypeError):
        person.fingers[4] = template()
    with pytest.raises(dataclasses.FrozenInstanceError):
        person.id = "b"


def test_equal_hash_and_pickle(person):
    one = person("a")
    twin = Person("a", dict(one.fingers))
    assert one == twin
    assert hash(one) == hash(twin)
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  # our own bytes
    assert one != person("a")
