# SPDX-License-Identifier: Apache-2.0
"""The network behind the learned extractor: evened picture in, numbers about every cell out.

`layers` says what it is made of, `running` runs it in eight bits, `weight_file` keeps it,
`floating` runs it in single precision as a measure, `quantisation` leads from there to eight bits,
and `answer` is what both give. It is trained elsewhere (`ektp_hw.training`), with PyTorch, which
nothing here needs.
"""

from __future__ import annotations

from ektp_hw.fingerprint.network.answer import Answer
from ektp_hw.fingerprint.network.running import Network
from ektp_hw.fingerprint.network.weight_file import read_network

__all__ = ["Answer", "Network", "read_network"]
