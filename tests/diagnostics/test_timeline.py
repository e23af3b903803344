# SPDX-License-Identifier: Apache-2.0
from datetime import date

import pytest

from ektp_hw.diagnostics.chronicle import Lane, state_of_day
from ektp_hw.diagnostics.examination import as_plain
from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.letter_history import LetterHistory
from ektp_hw.diagnostics.timeline import key_box, picture_of
from stub_station import five_months

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def drawn(states, width=300.0, first="2026-01-01"):
    days = sum(count for _, count in states)
    lane = {"cause": "iris", "name": "Iris", "states": states}
    history = {"first": first, "days": days, "lanes": [lane]}
    return picture_of(history, MONTHS, {"iris": "50 %"}, width)


def test_each_state_looks_different_without_colour():
    picture = drawn([["works", 10], ["partly", 10], ["down", 5], ["unknown", 5]])
    assert [(box.pattern, box.width) for box in picture.boxes] == [("hatched", 100), ("solid", 50)]
    assert picture.boxes[0].height < picture.boxes[1].height
    styles = [(rule.style, rule.x2 - rule.x1) for rule in picture.rules if rule.y1 == rule.y2]
    assert styles == [("thin", 100), ("dotted", 50)]


def test_months_are_named_where_there_is_room():
    picture = drawn([["works", 151]], width=500.0, first="2026-01-20")
    names = [text.text for text in picture.texts if text.text[:3] in MONTHS]
    assert names == ["Jan", "Feb", "Mar", "Apr", "May", "Jun"]
    assert len({rule.x1 for rule in picture.rules if rule.x1 == rule.x2}) == 5


def test_new_year_says_the_year():
    picture = drawn([["works", 60]], width=600.0, first="2025-12-20")
    assert [text.text for text in picture.texts if text.text[:3] in MONTHS] == [
        "Dec 2025",
        "Jan 2026",
        "Feb",
    ]


@pytest.mark.parametrize("width", [330.0, 680.0])
def test_nothing_lies_outside_the_picture(width):
    history = five_months()
    lanes = [
        {"cause": lane.cause.value, "name": lane.cause.value,
         "states": [[state, 1] for state in lane.states]}
        for lane in history.lanes
    ]  # fmt: skip
    plain = {"first": history.first.isoformat(), "days": history.days, "lanes": lanes}
    picture = picture_of(plain, MONTHS, {}, width)
    assert all(box.x >= 0 and box.x + box.width <= width + 0.1 for box in picture.boxes)
    assert all(box.y >= 0 and box.y + box.height <= picture.height for box in picture.boxes)
    lines = [line for box in picture.boxes for line in box.hatching]
    assert lines
    assert all(0 <= each <= width + 0.1 for line in lines for each in line[::2])
    assert all(0 <= each <= picture.height for line in lines for each in line[1::2])
    assert all(0 <= text.x <= width and 0 < text.y <= picture.height for text in picture.texts)
    assert max(rule.y2 for rule in picture.rules) <= picture.height


def test_the_key_shows_what_the_picture_shows():
    assert [key_box(state).boxes[0].pattern for state in ("partly", "down")] == ["hatched", "solid"]
    assert [key_box(state).rules[0].style for state in ("works", "unknown")] == ["thin", "dotted"]


@pytest.mark.parametrize(
    ("watched", "working", "state"),
    [(0, 0, "unknown"), (100, 100, "works"), (100, 99.6, "works"), (100, 99, "partly"),
     (100, 50, "partly"), (100, 49, "down"), (100, 0, "down")],
)  # fmt: skip
def test_a_day_is_what_most_of_it_was(watched, working, state):
    assert state_of_day(watched, working) == state


def test_availability_counts_watched_time_only():
    lane = Lane(Cause.IRIS, (100.0, 0.0, 100.0), (100.0, 0.0, 50.0))
    assert lane.availability == 0.75
    assert Lane(Cause.IRIS, (0.0,), (0.0,)).availability is None


def test_days_must_fit():
    with pytest.raises(ValueError, match="days"):
        Lane(Cause.IRIS, (1.0,), ())
    with pytest.raises(ValueError, match="2 days"):
        LetterHistory(date(2026, 1, 1), 2, (Lane(Cause.IRIS, (1.0,), (1.0,)),))


def test_a_document_tells_runs_of_days_and_sums():
    from stub_station import examination

    told = as_plain(examination(history=five_months()), "en", "1")["history"]
    assert all(sum(days for _, days in lane["states"]) == 150 for lane in told["lanes"])
    by_cause = {lane["cause"]: lane for lane in told["lanes"]}
    assert by_cause["iris"]["availability"] == 1.0
    assert by_cause["card_reader"]["availability"] is None
    assert by_cause["fingerprint"]["outages"] > 20
    assert by_cause["fingerprint"]["first_outage"] > "2026-03-30"
    assert by_cause["provider"]["first_outage"] < "2026-02-20"
