# SPDX-License-Identifier: Apache-2.0
"""What runs at the centre: HTTP, without errors and in time, and an application that is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.quality import is_lossy
from ektp_hw.diagnostics.probes.network.speaking import NoLine, Reply, ask, centre_of
from ektp_hw.diagnostics.probes.saying import broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Evidence, Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["look_at_health", "look_at_http"]

_SLOW = 3.0
_CENTRAL = (Cause.CENTRAL_SERVICE, Who.CENTRE)


def look_at_http(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
    """Ask for the centre's own address; any answer that is no error of the server will do."""
    name, place = "network.http", centre_of(around)
    if place is None:
        return [untested(name, "network.no_centre")]
    return [_judged(name, around, place.path, is_lossy(before))]


def look_at_health(around: Surroundings, before: Sequence[Finding]) -> list[Finding]:
    """Ask the centre's application how it is."""
    name, path = "network.health", around.profile.health
    if centre_of(around) is None:
        return [untested(name, "network.no_centre")]
    if not path:
        return [untested(name, "network.no_health_path")]
    return [_judged(name, around, path, is_lossy(before), must_be_good=True)]


def _judged(  # noqa: PLR0911  # one answer each
    name: str, around: Surroundings, path: str, lossy: bool, *, must_be_good: bool = False
) -> Finding:
    place = centre_of(around)
    if place is None:
        return untested(name, "network.no_centre")
    try:
        reply = ask(around, place, path, timeout=10.0)
    except NoLine as error:
        return untested(name, "network.no_line", {"error": str(error)})
    except TimeoutError:
        if lossy:
            return untested(name, "network.lost_on_the_way")
        return broken(name, "network.no_answer", *_CENTRAL, 0.7, host=place.host, seconds=10)
    except ConnectionError as error:
        return broken(name, "network.hangs_up", *_CENTRAL, 0.75, {"error": type(error).__name__},
                      host=place.host)  # fmt: skip
    except OSError as error:  # TLS: its own layer says more
        return untested(name, "network.no_line", {"error": type(error).__name__})
    evidence: Evidence = {"status": reply.status, "seconds": round(reply.first, 2)}
    finding = _status(name, reply, evidence, place.host, must_be_good)
    if lossy and finding.seen.key == "network.slow_answer":  # the line is slow, not the centre
        return untested(name, "network.lost_on_the_way", evidence)
    return finding


def _status(name: str, reply: Reply, evidence: Evidence, host: str, must_be_good: bool) -> Finding:
    status = reply.status
    if status == 0:
        return broken(name, "network.no_http", *_CENTRAL, 0.75, evidence, host=host)
    if status in {407, 511}:
        return broken(name, "network.must_log_in", Cause.LOCAL_NETWORK, Who.TECHNICIAN, 0.8,
                      evidence, status=status)  # fmt: skip
    if must_be_good and status in {401, 403, 404, 405}:
        return untested(name, "network.health_not_told", evidence, status=status)
    if status >= 500 or (must_be_good and not 200 <= status < 300):
        key = "network.unwell" if must_be_good else "network.server_error"
        return broken(name, key, *_CENTRAL, 0.9, evidence, host=host, status=status)
    seconds = round(reply.first, 1)
    if reply.first > _SLOW:
        return suspect(name, "network.slow_answer", *_CENTRAL, 0.7, evidence, host=host,
                       seconds=seconds)  # fmt: skip
    key = "network.well" if must_be_good else "network.answers"
    return sound(name, key, evidence, host=host, status=status)
