# SPDX-License-Identifier: Apache-2.0
"""The network in layers, from the cable to the centre's application.

Each layer stands on those below it, so that the verdict is the lowest one that fails: our line
(link, address, gateway, portal), the provider (beyond the gateway, names), the centre (connection,
large packets, TLS, HTTP, health), and how good it all is.
"""

from __future__ import annotations

from ektp_hw.diagnostics.findings import Cause
from ektp_hw.diagnostics.probes.network.centre import look_at_centre, look_at_mtu, look_at_proxy
from ektp_hw.diagnostics.probes.network.ipv6 import look_at_ipv6
from ektp_hw.diagnostics.probes.network.layer import Layer
from ektp_hw.diagnostics.probes.network.line import (
    look_at_address,
    look_at_gateway,
    look_at_link,
)
from ektp_hw.diagnostics.probes.network.names import look_at_names
from ektp_hw.diagnostics.probes.network.portal import look_at_portal
from ektp_hw.diagnostics.probes.network.provider import look_at_provider
from ektp_hw.diagnostics.probes.network.quality import look_at_quality, look_at_throughput
from ektp_hw.diagnostics.probes.network.secure import look_at_tls
from ektp_hw.diagnostics.probes.network.service import look_at_health, look_at_http
from ektp_hw.diagnostics.probes.network.twin import look_at_twin

__all__ = ["CAUSES", "PROBES"]

PROBES = (
    Layer("network.link", look_at_link, (), 5),
    Layer("network.address", look_at_address, ("network.link",), 12),
    Layer("network.duplicate", look_at_twin, ("network.address",), 8),
    Layer("network.gateway", look_at_gateway, ("network.address", "network.duplicate"), 15),
    Layer("network.portal", look_at_portal, ("network.gateway",), 15),
    Layer("network.provider", look_at_provider, ("network.gateway", "network.portal"), 15),
    Layer("network.dns", look_at_names, ("network.provider", "network.portal"), 15),
    Layer("network.proxy", look_at_proxy, ("network.dns", "network.provider"), 20),
    Layer(
        "network.centre",
        look_at_centre,
        ("network.provider", "network.dns", "network.proxy"),
        20,
    ),
    Layer("network.ipv6", look_at_ipv6, ("network.centre",), 12),
    Layer("network.quality", look_at_quality, ("network.centre",), 20),
    Layer("network.mtu", look_at_mtu, ("network.centre", "network.quality"), 35),
    Layer(
        "network.tls",
        look_at_tls,
        (
            "network.centre",
            "network.quality",
            "network.mtu",
            "network.portal",
            "computer.clock",
            "computer.drift",
        ),
        25,
    ),
    Layer("network.http", look_at_http, ("network.tls", "network.quality"), 25),
    Layer("network.health", look_at_health, ("network.http", "network.quality"), 25),
    Layer("network.throughput", look_at_throughput, ("network.http",), 25),
)
_OURS, _THEIRS, _CENTRE = Cause.LOCAL_NETWORK, Cause.PROVIDER, Cause.CENTRAL_SERVICE
# What only some profiles, or only root, may ask rules nothing out: it would be missing elsewhere.
CAUSES: dict[str, tuple[Cause, ...]] = {
    "network.link": (_OURS,),
    "network.address": (_OURS,),
    "network.duplicate": (),
    "network.gateway": (_OURS,),
    "network.portal": (_OURS,),
    "network.provider": (_THEIRS,),
    "network.dns": (_THEIRS,),
    "network.proxy": (_OURS,),
    "network.centre": (_CENTRE,),
    "network.ipv6": (),
    "network.mtu": (_THEIRS,),
    "network.tls": (_CENTRE,),
    "network.http": (_CENTRE,),
    "network.health": (),
    "network.quality": (_THEIRS,),
    "network.throughput": (),
}
