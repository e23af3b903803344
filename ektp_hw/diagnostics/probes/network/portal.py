# SPDX-License-Identifier: Apache-2.0
"""Somebody in between who answers for the whole world: a login page, a filter.

192.0.2.0/24 belongs to nobody (RFC 5737). Whoever accepts a connection to it catches what is meant
for others, and a caught packet that was to live for one router only was caught by our own gateway.
"""

from __future__ import annotations

import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.packets import Attempt, at_once, connect, try_tcp
from ektp_hw.diagnostics.probes.network.speaking import Reply, addresses_of, centre_of, speak
from ektp_hw.diagnostics.probes.network.tables import default_route, is_private
from ektp_hw.diagnostics.probes.saying import broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["look_at_portal"]

_NOBODY = "192.0.2.1"
_PORTAL_STATUS = {200, 301, 302, 303, 307, 308, 401, 407, 511}


def look_at_portal(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:  # noqa: ARG001
    """Ask nobody; whoever answers is in between."""
    name = "network.portal"
    if default_route(around) is None:
        return [untested(name, "network.nothing_to_ask")]
    with ThreadPoolExecutor(1) as pool:
        page_for_centre = pool.submit(_page_for_centre, around)
        plain, secure, near_plain, near_secure = at_once(
            lambda asked: _ask_nobody(*asked),
            [(80, None), (443, None), (80, 1), (443, 1)],
        )
    evidence: dict[str, str | int | float | bool | None] = {
        f"nobody_at:{_NOBODY}:80": plain.state,
        f"nobody_at:{_NOBODY}:443": secure.state,
        "caught_by_gateway": "open" in {near_plain.state, near_secure.state},
    }
    is_near = bool(evidence["caught_by_gateway"])
    cause = Cause.LOCAL_NETWORK if is_near else Cause.PROVIDER
    who = Who.TECHNICIAN if is_near else Who.PROVIDER
    page = _page(_NOBODY, "192.0.2.1") if plain.state == "open" else page_for_centre.result()
    if page:
        evidence["http_status"] = page.status
        target = urlsplit(page.headers.get("location", "")).hostname or ""
        evidence["sent_on_to"] = target
        if plain.state == "open" and page.status in _PORTAL_STATUS:
            if target and _is_private_host(target):
                cause, who = Cause.LOCAL_NETWORK, Who.CLERK
            sure = 0.9 if is_near or cause is Cause.LOCAL_NETWORK else 0.65
            return [broken(name, "network.portal_found", cause, who, sure, evidence)]
        if plain.state != "open" and target and _is_private_host(target):
            return [suspect(name, "network.sent_home", Cause.LOCAL_NETWORK, Who.TECHNICIAN, 0.6,
                            evidence)]  # fmt: skip
    if "open" in {plain.state, secure.state}:
        sure = 0.85 if is_near else 0.6
        return [suspect(name, "network.everything_caught", cause, who, sure, evidence)]
    return [sound(name, "network.no_portal", evidence, 0.85)]


def _ask_nobody(port: int, ttl: int | None) -> Attempt:
    """Connect; what is opened must open a second time before anybody is blamed for it."""
    attempt = try_tcp(_NOBODY, port, 2.0, ttl)
    return try_tcp(_NOBODY, port, 2.0, ttl) if attempt.state == "open" else attempt


def _page_for_centre(around: Surroundings) -> Reply | None:
    place = centre_of(around)
    addresses = addresses_of(around, place.host) if place else []
    return _page(addresses[0], place.host) if place and addresses else None


def _page(address: str, host: str) -> Reply | None:
    with contextlib.suppress(OSError), connect(address, 80, 2.0) as line:
        return speak(line, host, "/", time.monotonic(), 3.0, 4096)
    return None


def _is_private_host(host: str) -> bool:
    return bool(re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host)) and is_private(host)
