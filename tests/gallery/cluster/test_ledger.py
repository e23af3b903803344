# SPDX-License-Identifier: Apache-2.0
"""The book of finished work."""

import pytest

from ektp_hw.errors import GalleryDamaged, GalleryError
from ektp_hw.gallery import PartMatch
from ektp_hw.gallery.cluster.blocks import Block
from ektp_hw.gallery.cluster.ledger import FileLedger, MemoryLedger, Task
from ektp_hw.gallery.cluster.merging import FoundPair
from ektp_hw.gallery.fusion import Finding
from ektp_hw.samples import Eye, FingerPosition

ABOUT = {"gallery": "00ff", "threshold": "4.0", "block": "8"}
TASK = Task(Block(0, 8, 8), Block(1, 15, 7), 9)
PART = PartMatch(FingerPosition.UNKNOWN, FingerPosition.LEFT_INDEX, 1 / 3)
IRIS = PartMatch(Eye.RIGHT, Eye.LEFT, 2.5)
FOUND = [FoundPair(3, 11, 4.1 + 1e-15, (PART, PART, IRIS), tuple(Finding))]


@pytest.fixture(params=["memory", "file"])
def ledger(request, tmp_path):
    book = MemoryLedger() if request.param == "memory" else FileLedger(tmp_path / "book", ABOUT)
    yield book
    book.close()


def test_entered_once(ledger):
    assert ledger.found(TASK) is None
    ledger.enter(TASK, FOUND)
    assert ledger.found(TASK) == FOUND
    assert type(ledger.found(TASK)[0].parts[-1].probe) is Eye
    ledger.enter(TASK, FOUND)
    assert ledger.found(TASK) == FOUND


def test_nothing_found_is_not_nothing_done(ledger):
    ledger.enter(TASK, [])
    assert ledger.found(TASK) == []


@pytest.mark.parametrize(
    "changed",
    [
        TASK._replace(a=Block(0, 8, 7)),
        TASK._replace(b=Block(1, 16, 8)),
        TASK._replace(b=Block(1, 16, 7)),
        TASK._replace(since=12),
    ],
)
def test_another_state_of_a_block_is_other_work(ledger, changed):
    ledger.enter(TASK, FOUND)
    assert ledger.found(changed) is None


def test_kept_on_the_disk(tmp_path):
    book = FileLedger(tmp_path / "book", ABOUT)
    book.enter(TASK, FOUND)
    another = FileLedger(tmp_path / "book", ABOUT)  # the first was never closed
    assert another.found(TASK) == FOUND
    another.enter(TASK._replace(b=Block(1, 16, 8)), [])
    assert another.found(TASK) is None, "an earlier state's entry is replaced"
    another.close()
    book.close()


@pytest.mark.parametrize("key", ABOUT)
def test_of_another_run(tmp_path, key):
    FileLedger(tmp_path / "book", ABOUT).close()
    with pytest.raises(GalleryError, match=f"{key} .* there and other here"):
        FileLedger(tmp_path / "book", ABOUT | {key: "other"})


def test_no_ledger(tmp_path):
    (tmp_path / "book").write_bytes(b"something else altogether" * 100)
    with pytest.raises(GalleryDamaged, match="no ledger"):
        FileLedger(tmp_path / "book", ABOUT)
    with pytest.raises(GalleryError, match="check the path"):
        FileLedger(tmp_path / "absent" / "book", ABOUT)


def test_damaged_entry(tmp_path):
    book = FileLedger(tmp_path / "book", ABOUT)
    book.enter(TASK, FOUND)
    book._connection.execute("UPDATE done SET found = '[[1, 2]]'")
    with pytest.raises(GalleryDamaged, match="give a new file"):
        book.found(TASK)
    book.close()
