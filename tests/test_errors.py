# SPDX-License-Identifier: Apache-2.0
"""The tree of errors: one root, drawn truly in the docstring, every message naming its device."""

import inspect
import pickle
import re

import pytest

from ektp_hw import errors

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, Exception) and member.__module__ == errors.__name__
]


def test_one_root():
    assert all(issubclass(each, errors.EktpError) for each in CLASSES)


def test_the_drawn_tree_is_the_real_one():
    branch = re.compile(r"^( *\|?[ |]*)(?:\+-- )?([A-Z]\w+)(?:  |$)")
    drawn = [
        (line.index(match[2]), match[2])
        for line in errors.__doc__.splitlines()
        if (match := branch.match(line))
    ]
    parents, real = {}, {each.__name__: each.__bases__[0].__name__ for each in CLASSES}
    open_branches = []
    for indent, name in drawn:
        while open_branches and open_branches[-1][0] >= indent:
            open_branches.pop()
        parents[name] = open_branches[-1][1] if open_branches else "Exception"
        open_branches.append((indent, name))
    assert parents == real


@pytest.mark.parametrize("each", CLASSES, ids=lambda each: each.__name__)
def test_everything_is_exported(each):
    assert each.__name__ in errors.__all__


def test_device_errors_name_their_device():
    error = errors.DeviceBusy("another program holds it", device="usb:1b55:0840@1-4")
    assert str(error) == "usb:1b55:0840@1-4: another program holds it"
    assert error.device == "usb:1b55:0840@1-4"


def test_timeout_is_also_the_builtin_one():
    assert issubclass(errors.CaptureTimeout, TimeoutError)


def test_card_error_shows_the_status_word():
    error = errors.CardError("the file is protected", status_word=0x6982)
    assert str(error) == "the file is protected (status 6982)"


def test_retry_says_what_to_do():
    error = errors.RetryCapture(errors.RetryAdvice.CENTRE_FINGER)
    assert "middle of the scanner" in str(error)
    assert not isinstance(error, errors.DeviceError)


def test_plain_errors_survive_pickling():
    for each in (errors.SampleError, errors.TemplateError, errors.GalleryDamaged):
        assert str(pickle.loads(pickle.dumps(each("broken")))) == "broken"  # noqa: S301
