# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import pytest

from ektp_hw.diagnostics import journal, summing
from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.letter_history import excerpt_of, history_for_letter
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


def test_a_letter_shows_a_chronicle_s_days_and_phases():
    assert excerpt_of(chronicle()) == five_months()


def test_the_last_days_are_asked_of_the_journal(monkeypatch, tmp_path):
    place, asked = tmp_path / "journal.ektp", []
    monkeypatch.setattr(journal, "default_place", lambda: place)
    monkeypatch.setattr(journal, "read_journal", lambda path: asked.append(path) or "journal")
    monkeypatch.setattr(
        summing, "chronicle_of", lambda read, *, days: asked.append((read, days)) or chronicle()
    )
    with pytest.raises(StationError, match="there is no journal yet; begin one"):
        history_for_letter(150)
    place.write_text("")
    assert history_for_letter(150) == five_months()
    assert asked == [place, ("journal", 150)]
