# SPDX-License-Identifier: Apache-2.0
"""Every pair once, whoever dies when, in the order of one gallery."""

import subprocess
import sys
import threading
from itertools import islice

import pytest

from ektp_hw.errors import GalleryDamaged, GalleryError, OperationCancelled
from ektp_hw.gallery import Person
from ektp_hw.gallery.cluster import connect
from gallery_faults import random_faults

THRESHOLDS = [None, 0.0, 5.0]


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize(("workers", "block"), [(1, 8), (3, 1), (3, 7), (4, 1000)])
@pytest.mark.usefixtures("crowd")
def test_as_one_gallery(gallery, cluster, threshold, workers, block):
    one = gallery.deduplicate(threshold)
    many = cluster(workers, block=block).deduplicate(threshold)
    assert list(many) == list(one)
    assert many.threshold == one.threshold
    assert many.finished


@pytest.mark.parametrize("sees", [True, False])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("crowd")
def test_lost_workers_lose_and_double_no_pair(gallery, cluster, sees, seed, monkeypatch):
    monkeypatch.setattr("ektp_hw.gallery.cluster.block_pairs._PAUSE", 0.0)
    many = cluster(4, block=8, sees=sees, fault=random_faults(seed))
    assert list(many.deduplicate(0.0)) == list(gallery.deduplicate(0.0))


@pytest.mark.parametrize("stop", [0, 1, 7, 300, 1127])
@pytest.mark.usefixtures("crowd")
def test_positions_are_those_of_one_gallery(gallery, cluster, stop):
    whole = list(gallery.deduplicate(0.0))
    many = cluster(block=6)
    run = many.deduplicate(0.0)
    before = list(islice(run, stop))
    assert before + list(gallery.deduplicate(0.0, resume=run.position)) == whole
    run = gallery.deduplicate(0.0)
    before = list(islice(run, stop))
    assert before + list(many.deduplicate(0.0, resume=run.position)) == whole


@pytest.mark.parametrize("kept", [True, False])
def test_later_people_against_those_before(gallery, crowd, cluster, person, tmp_path, kept):
    many = cluster()
    ledger = tmp_path / "book" if kept else None
    run = many.deduplicate(4.0, ledger=ledger)
    assert list(run) == list(gallery.deduplicate(4.0))
    gallery.enrol(person("new"))
    gallery.enrol(Person("4 again", crowd[4].fingers))
    gallery.remove("p9")
    run = many.deduplicate(4.0, resume=run.position, ledger=ledger)
    assert [(pair.a, pair.b) for pair in run] == [("p4", "4 again")]
    assert run.finished
    assert list(many.deduplicate(4.0, resume=run.position, ledger=ledger)) == []
    assert list(many.deduplicate(4.0, ledger=ledger)) == list(gallery.deduplicate(4.0))


@pytest.mark.usefixtures("crowd")
def test_what_is_in_the_ledger_is_not_done_again(gallery, cluster, tmp_path):
    whole = list(gallery.deduplicate(0.0))
    first, second, third = (cluster(block=8) for _ in range(3))
    run = first.deduplicate(0.0, ledger=tmp_path / "book")
    assert list(islice(run, 500)) == whole[:500]
    first.close()  # and the run is never ended
    assert list(second.deduplicate(0.0, ledger=tmp_path / "book")) == whole
    done = first._executor.calls["pairs"]
    tasks = 7 * 8 // 2
    assert 0 < second._executor.calls["pairs"] <= tasks - done + 2 * 3, "but for those in hand"
    assert list(third.deduplicate(0.0, ledger=tmp_path / "book")) == whole
    assert third._executor.calls["pairs"] == 0
    with pytest.raises(GalleryError, match="another deduplication"):
        third.deduplicate(1.0, ledger=tmp_path / "book")


def test_only_changed_blocks_are_done_again(gallery, crowd, cluster, tmp_path):
    many = cluster(block=8)
    list(many.deduplicate(4.0, ledger=tmp_path / "book"))
    before = many._executor.calls["pairs"]
    gallery.enrol(Person("late", crowd[0].fingers))
    assert list(many.deduplicate(4.0, ledger=tmp_path / "book")) == list(gallery.deduplicate(4.0))
    assert many._executor.calls["pairs"] - before == 7


@pytest.mark.usefixtures("crowd")
def test_a_stuck_worker_s_task_is_given_to_another(gallery, cluster):
    held = threading.Event()

    def fault(worker, method):
        if method == "pairs" and worker == "worker 1" and not held.is_set():
            held.set()
            return "stuck"
        return None

    many = cluster(3, fault=fault)
    run = many.deduplicate(0.0)
    run._source._patience = 0.3
    assert list(run) == list(gallery.deduplicate(0.0))
    assert held.is_set()


@pytest.mark.usefixtures("crowd")
def test_a_task_that_kills_whoever_does_it(cluster, monkeypatch):
    monkeypatch.setattr("ektp_hw.gallery.cluster.block_pairs._PAUSE", 0.0)
    many = cluster(3, fault=lambda _, method: "before" if method == "pairs" else None)
    with pytest.raises(GalleryError, match="times a worker ended"):
        list(many.deduplicate())


@pytest.mark.usefixtures("crowd")
def test_a_worker_s_error_ends_it(cluster):
    many = cluster(3, fault=lambda _, method: "broken" if method == "pairs" else None)
    with pytest.raises(GalleryDamaged, match="disk is broken"):
        list(many.deduplicate())


@pytest.mark.usefixtures("crowd")
def test_progress_and_cancel(gallery, cluster):
    seen = []
    cancel = threading.Event()

    def watch(done, total):
        seen.append((done, total))
        if done > 300:
            cancel.set()

    many = cluster(block=4)
    run = many.deduplicate(0.0, progress=watch, cancel=cancel)
    first = list(run)
    assert not run.finished
    rest = many.deduplicate(0.0, resume=run.position, progress=lambda *now: seen.append(now))
    assert first + list(rest) == list(gallery.deduplicate(0.0))
    assert seen[-1] == (48 * 47 // 2, 48 * 47 // 2)
    with pytest.raises(OperationCancelled):
        many.deduplicate(cancel=cancel)


@pytest.mark.parametrize("position", ["", "1", "a.b", "1.2.3", "-1.0"])
def test_foreign_position(cluster, position):
    with pytest.raises(ValueError, match="no position"):
        cluster().deduplicate(resume=position)


def test_nobody(cluster):
    run = cluster().deduplicate()
    assert list(run) == []
    assert run.finished


@pytest.mark.usefixtures("crowd")
def test_workers_come_and_go_meanwhile(gallery, cluster):
    many = cluster(2, block=4)
    run = many.deduplicate(0.0)
    found = list(islice(run, 100))
    many.resize(5)
    found += islice(run, 300)
    many.resize(1)
    found += run
    assert found == list(gallery.deduplicate(0.0))


def test_the_journal_is_that_of_one_gallery(gallery, crowd, cluster, tmp_path):
    whole = list(gallery.deduplicate(0.0))
    many = cluster(block=6)
    run = many.deduplicate(0.0, journal=tmp_path / "journal")
    assert list(islice(run, 300)) == whole[:300]
    assert list(gallery.deduplicate(0.0, journal=tmp_path / "journal")) == whole
    assert list(many.deduplicate(0.0, journal=tmp_path / "journal")) == whole
    gallery.enrol(Person("late", crowd[0].fingers))
    again = list(many.deduplicate(0.0, journal=tmp_path / "journal"))
    assert again == list(gallery.deduplicate(0.0))


@pytest.mark.usefixtures("crowd")
def test_tolerant(gallery, cluster):
    tolerant = list(cluster().deduplicate(1.0, tolerant=True))
    assert tolerant == list(gallery.deduplicate(1.0, tolerant=True))
    assert tolerant != list(gallery.deduplicate(1.0))


COORDINATOR = """
import sys
from ektp_hw.gallery.cluster import connect
def watch(done, total):
    if done > 300:
        print("now", flush=True)
        sys.stdin.read()  # for ever
with connect(sys.argv[1], read_only=True) as gallery:
    list(gallery.deduplicate(0.0, ledger=sys.argv[2], progress=watch))
"""


@pytest.mark.usefixtures("crowd")
def test_a_killed_coordinator(gallery, path, tmp_path):
    """kill -9 of the process that hands out the work: what it had entered is not done again."""
    address = f"local://?path={path}&workers=2&block=8"
    gallery.comparison = None
    whole = list(gallery.deduplicate(0.0))
    killed = subprocess.Popen(
        [sys.executable, "-c", COORDINATOR, address, tmp_path / "book"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout.readline() == "now\n"
    killed.kill()
    killed.wait()
    killed.stdout.close()
    killed.stdin.close()
    with connect(address, read_only=True) as many:
        run = many.deduplicate(0.0, ledger=tmp_path / "book")
        already = sum(run._source._is_done(task) for row in run._source._rows() for task in row)
        assert 5 <= already < 28
        assert list(run) == whole
