# SPDX-License-Identifier: Apache-2.0
"""A layer of the network: it asks nothing while a layer below it carries nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.diagnostics.probes.saying import FunctionProbe, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["Layer"]

_CARRYING = {
    f"network.{layer}"
    for layer in (
        "link", "address", "duplicate", "gateway", "portal", "provider", "dns", "proxy", "centre",
        "mtu",
    )
}  # fmt: skip
"""Layers without which nothing above them can be asked; a bad certificate is none of them."""
_NOT_ASKED = "network.not_asked"
_CLOSED = {_NOT_ASKED, "network.only_v6"}
"""What is said where nothing is broken and yet nothing above can be asked, which is by IPv4."""


class Layer(FunctionProbe):
    """A probe that time-outs would only slow down while what it stands on is broken."""

    def run(self, around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
        """Look, if there is anything below to look through."""
        for each in before:
            if each.seen.key in _CLOSED or (each.is_fault and each.probe in _CARRYING):
                return [untested(self.name, _NOT_ASKED)]
        return super().run(around, before)
