# SPDX-License-Identifier: Apache-2.0
"""What was changed is found, and where; what cannot be found is said."""

import random
import shutil

import pytest

from ektp_hw.diagnostics.journal import Writer, read_journal, verify
from ektp_hw.diagnostics.journal.line import FIRST_LINK, line_of, split
from ektp_hw.diagnostics.journal.place import beside
from ektp_hw.diagnostics.journal.sealing import take_key
from ektp_hw.errors import StationError
from simulated_station import CIPOCOK_JAYA, SetClock, begin, pass_days


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.ektp"
    clock = SetClock()
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        begin(writer)
        pass_days(writer, clock, 3, [(40_000, 5000, 1, "local_network")])
    return path


def relinked(lines):
    """Make every link anew, as somebody would who knows the format."""
    import json

    text, link = b"", FIRST_LINK
    for line in lines:
        piece, link = line_of(json.loads(split(line)[0]), link)
        text += piece
    return text


def test_an_untouched_journal_is_whole(path):
    soundness = verify(path)
    assert soundness.is_whole
    assert soundness.checked_seals >= 4
    assert soundness.sealed == soundness.records - 1
    assert soundness.missing is False


def test_every_flipped_bit_is_located(path):
    content = path.read_bytes()
    header = content.index(b"\n") + 1
    rng = random.Random(7)  # noqa: S311
    for _ in range(150):
        at = rng.randrange(header, len(content))
        changed = bytearray(content)
        changed[at] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        soundness = verify(path)
        line = content.count(b"\n", 0, at) + 1
        if at == len(content) - 1:
            assert soundness.torn > 0
            continue
        found = {each.line for each in soundness.damages}
        assert line in found or soundness.torn, (at, content[at], found)
        assert found <= {line, line + 1}
        assert not soundness.is_whole


@pytest.mark.parametrize("change", ["removed", "inserted", "swapped"])
def test_lines_that_are_moved_are_located(path, change):
    lines = path.read_bytes().splitlines(keepends=True)
    if change == "removed":
        del lines[19]
    elif change == "inserted":
        lines.insert(19, lines[12])
    else:
        lines[19], lines[20] = lines[20], lines[19]
    path.write_bytes(b"".join(lines))
    soundness = verify(path)
    assert soundness.damages[0].line == 20
    assert soundness.damages[0].readable
    assert not soundness.is_whole


def test_the_rest_can_still_be_read(path):
    before = read_journal(path)
    content = bytearray(path.read_bytes())
    content[content.index(b'"T"') + 1] ^= 1
    path.write_bytes(content)
    assert len(read_journal(path).records) == len(before.records) - 1


def test_making_all_links_anew_breaks_the_seals(path):
    lines = path.read_bytes().split(b"\n")[:-1]
    at = next(number for number, line in enumerate(lines) if b'"local_network",95' in line)
    del lines[at]
    path.write_bytes(relinked(lines))
    soundness = verify(path)
    assert not soundness.damages
    assert soundness.forged is not None


def test_whoever_has_the_key_of_today_cannot_forge_yesterday(path):
    """Keys are destroyed after use: without the verification key old seals cannot be made."""
    first = take_key(path)
    assert not verify(path).key_is_here
    assert verify(path).checked_seals == 0
    assert verify(path, first).is_whole
    assert verify(path, first).checked_seals >= 4
    number, key = beside(path, "key").read_text().split()
    assert int(number) >= 4
    assert key != first
    assert verify(path, key).forged == 0
    with pytest.raises(StationError, match="taken before"):
        take_key(path)


def test_a_removed_end_is_noticed_by_the_sealed_count(path, tmp_path):
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    assert not verify(path).damages
    assert verify(path).missing is True
    alone = tmp_path / "copy" / "journal.ektp"
    alone.parent.mkdir()
    shutil.copy(path, alone)
    assert verify(alone).missing is None, "a file alone cannot tell"


def test_a_summary_does_not_hide_a_change(path):
    content = bytearray(path.read_bytes())
    content[content.index(b'"T"') + 6] ^= 1
    path.write_bytes(content)
    clock = SetClock()
    clock.go_on(4 * 86400)
    with Writer(path, CIPOCOK_JAYA, clock) as writer:
        writer.compact((1,))
        assert len(read_journal(path).records) < content.count(b"\n")
    soundness = verify(path)
    assert not soundness.damages
    assert soundness.replaced_damages == 1
    assert not soundness.is_whole


def test_a_key_that_cannot_be_one_is_the_callers_mistake(path):
    for key in ("", "xyz", "ab" * 31):
        with pytest.raises(ValueError, match="hexadecimal"):
            verify(path, key)


def test_forged_records_with_right_links_end_in_a_typed_error(path):
    from ektp_hw.diagnostics.journal.past import past_of

    lines = path.read_bytes().split(b"\n")[:-1]
    link = lines[-1][-24:]
    for record in (
        ["T", 1_780_000_000, 3600, 60, [[1, "x"]]],
        ["D", 1_780_000_000, [[0, 10**12]], [1], [], {}, {}, [0, 0, 0, 0]],
        ["D", 1_780_000_000, [[0, 10]], [1], [[1, 2]], {}, {}, [0]],
        ["N", 1_780_000_000, "x", {"iris": ["a", 1, 1]}, {}],
    ):
        path.write_bytes(b"\n".join(lines) + b"\n" + line_of(record, link)[0])
        with pytest.raises(StationError, match="no recorder"):
            past_of(read_journal(path))
