# SPDX-License-Identifier: Apache-2.0
import sys
from types import ModuleType, SimpleNamespace

import pytest

from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.history import history_of, history_of_journal
from ektp_hw.errors import StationError
from stub_station import five_months


def chronicle():
    """Return what the journal's chronicle looks like: phases name faults by their positions."""
    told = five_months()
    causes = [Cause.PROVIDER, Cause.FINGERPRINT]
    return SimpleNamespace(
        first=told.first,
        days=told.days,
        lanes=told.lanes,
        turned_away=told.turned_away,
        faults=[SimpleNamespace(cause=cause) for cause in causes],
        phases=[
            SimpleNamespace(
                first=each.first,
                days=each.days,
                steady=each.steady,
                faults=tuple(causes.index(cause) for cause in each.causes),
            )
            for each in told.phases
        ],
    )


def test_a_chronicle_is_taken_over_whole():
    assert history_of(chronicle()) == five_months()


@pytest.fixture
def journal(monkeypatch, tmp_path):
    place = tmp_path / "journal.ektp"
    asked = []
    room, summing = ModuleType("journal"), ModuleType("summing")
    room.default_place = lambda: place
    room.read_journal = lambda path: asked.append(path) or "journal"
    summing.chronicle_of = lambda read, *, days: asked.append((read, days)) or chronicle()
    monkeypatch.setitem(sys.modules, "ektp_hw.diagnostics.journal", room)
    monkeypatch.setitem(sys.modules, "ektp_hw.diagnostics.summing", summing)
    return SimpleNamespace(place=place, asked=asked)


def test_the_last_days_are_asked_of_the_journal(journal):
    with pytest.raises(StationError, match="there is no journal yet; begin one"):
        history_of_journal(150)
    journal.place.write_text("")
    assert history_of_journal(150) == five_months()
    assert journal.asked == [journal.place, ("journal", 150)]


def test_a_version_without_journal_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "ektp_hw.diagnostics.journal", None)
    with pytest.raises(StationError, match="leave --history out"):
        history_of_journal(150)
