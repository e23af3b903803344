# SPDX-License-Identifier: Apache-2.0
"""What is broken, with evidence: probes that never raise, one verdict, a journal, a letter.

`probing` runs the probes, `verdict` judges their `findings`, `wording` says it in Indonesian or
English. A probe is one class in a file of `probes`, named in `probes.PROBES`.
"""

from __future__ import annotations
