# SPDX-License-Identifier: Apache-2.0
"""A template with everything that comparing derives from it, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ektp_hw import native
from ektp_hw.fingerprint.preparation_tables import preparation_tables
from ektp_hw.templates import FingerprintTemplate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["PreparedTemplate", "prepare", "prepare_many"]


@dataclass(frozen=True, eq=False)
class PreparedTemplate:
    """A template made ready to be compared; serves as probe and as reference.

    Parameters
    ----------
    template
        What it was prepared from.
    packed
        Minutiae, neighbourhood codes, hull and ridge flow as the compiled core reads them.
    """

    template: FingerprintTemplate
    packed: native.PackedTemplate

    def __len__(self) -> int:
        return len(self.template)

    @cached_property
    def order(self) -> npt.NDArray[np.int64]:
        """Index into the template of each minutia as `packed` has them, by ascending y; (n,)."""
        order = np.argsort(-self.template.y, kind="stable")
        order.flags.writeable = False
        return order


def prepare(template: FingerprintTemplate) -> PreparedTemplate:
    """Derive what comparing needs; takes as long as a few comparisons, so do it once for each."""
    return PreparedTemplate(template, prepare_many([template.to_bytes()]).one(0))


def prepare_many(
    templates: Sequence[FingerprintTemplate | bytes | memoryview], *, damaged: str = "raise"
) -> native.PackedBatch:
    """Derive what comparing needs of many templates at once, about 15 µs each and no object more.

    The batch takes the place of a list of references in `compare_many`; its scores are those of
    `prepare`.

    Parameters
    ----------
    templates
        Templates, or their stored form (`FingerprintTemplate.to_bytes`), which is checked.
    damaged
        ``"raise"``, or ``"keep"`` to leave bytes that are no template in the batch, for
        `PackedBatch.sound` to tell.

    Raises
    ------
    TemplateError
        If a stored form is damaged or none, unless those are kept.
    """
    stored = [
        each.to_bytes() if isinstance(each, FingerprintTemplate) else each for each in templates
    ]
    sizes = np.fromiter(map(len, stored), np.uint64, len(stored))
    joined = np.frombuffer(b"".join(stored), np.uint8)
    batch = native.prepare(joined, np.cumsum(sizes) - sizes, sizes, preparation_tables())
    if damaged == "raise" and not batch.addresses.all():
        # Reading the first of them in Python says what is wrong with it.
        FingerprintTemplate.from_bytes(stored[int(np.argmin(batch.sound))])
    return batch
