# SPDX-License-Identifier: Apache-2.0
"""Many people: a store that no crash loses anybody from, search and deduplication.

::

    with Gallery.open("people") as gallery:
        gallery.enrol(Person("3171", {FingerPosition.RIGHT_INDEX: template}))
        for candidate in gallery.search(another_template):
            print(candidate.id, candidate.score, candidate.parts)
        for pair in gallery.deduplicate():
            print(pair.a, pair.b, pair.score)

The storage, from the bottom: `layout` and `segment_file` (one file of fingers in columns), `seal`,
`ciphers` and `keyring` (its checks, and its keys if it is encrypted), `open_segment` and `segment`
(what is read of it), `ledger` with `audit` (SQLite: people, how far each segment is valid, who did
what), `shelves` (all segments of a gallery), `catalogue` and `store` (reading and writing),
`compaction`, `damage` and `migration`.

A search: `cascade_parameters`, `shortlist` and `worth_comparing` (who is compared fully), `search`
(comparing), `arrangement` and `fusion` (fingers to people), `decision`. A deduplication:
`finger_sieve`, `roster` and `pair_sieve` (which pairs are), `deduplication` and `pair_journal`.
`cluster` does both with many workers.
"""

from ektp_hw.gallery.audit import Entry
from ektp_hw.gallery.catalogue import GalleryInfo
from ektp_hw.gallery.damage import Damage
from ektp_hw.gallery.decision import Decision, Outcome, Policy, decide
from ektp_hw.gallery.deduplication import Deduplication
from ektp_hw.gallery.fusion import Candidate, DuplicatePair, Finding, PartMatch
from ektp_hw.gallery.gallery import Gallery
from ektp_hw.gallery.person import Person
from ektp_hw.gallery.segment import Segment

__all__ = [
    "Candidate",
    "Damage",
    "Decision",
    "Deduplication",
    "DuplicatePair",
    "Entry",
    "Finding",
    "Gallery",
    "GalleryInfo",
    "Outcome",
    "PartMatch",
    "Person",
    "Policy",
    "Segment",
    "decide",
]
