# SPDX-License-Identifier: Apache-2.0
"""TLS at the centre: whether it is spoken, by whom, and if not, whose fault that is.

A wrong date of a certificate is told from a wrong clock of the station by the server's own Date; a
certificate of a box in between is told from one of the centre by whether the box answers for
nobody as well (`portal`).
"""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

from ektp_hw.diagnostics.findings import Cause, Who
from ektp_hw.diagnostics.probes.network.certificate import Certificate, read_certificate
from ektp_hw.diagnostics.probes.network.quality import is_lossy
from ektp_hw.diagnostics.probes.network.speaking import (
    NoLine,
    Place,
    centre_of,
    line_to,
    open_tls,
    speak,
)
from ektp_hw.diagnostics.probes.saying import broken, sound, suspect, untested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ektp_hw.diagnostics.findings import Evidence, Finding
    from ektp_hw.diagnostics.surroundings import Surroundings

__all__ = ["look_at_tls"]

_NAME = "network.tls"
_EXPIRED, _TOO_EARLY, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64
"""X509_V_ERR_* of OpenSSL's x509_vfy.h."""
_SOON = 14 * 86400.0
_CENTRAL = (Cause.CENTRAL_SERVICE, Who.CENTRE)


def look_at_tls(  # noqa: PLR0911  # one answer each
    around: Surroundings, before: Sequence[Finding]
) -> list[Finding]:
    """Shake hands as any program would; if that fails, look closer at who is there."""
    place = centre_of(around)
    if place is None:
        return [untested(_NAME, "network.no_centre")]
    if not place.is_secure:
        return [untested(_NAME, "network.no_tls_wanted")]
    authorities = around.profile.authorities
    trusted = None if authorities is None else str(authorities)
    try:
        with _shake_hands(around, place, trusted) as secured:
            return [_accepted(secured, place)]
    except NoLine as error:
        return [untested(_NAME, "network.no_line", {"error": str(error)})]
    except ssl.SSLCertVerificationError as error:
        return [_not_accepted(around, place, error, before)]
    except (ssl.SSLError, ConnectionError) as error:
        evidence = {"error": str(getattr(error, "reason", "") or type(error).__name__)}
        if _is_caught(before):
            return [_intercepted(before, evidence)]
        return [broken(_NAME, "network.no_tls", *_CENTRAL, 0.75, evidence, host=place.host)]
    except TimeoutError:
        if is_lossy(before):
            return [untested(_NAME, "network.lost_on_the_way")]
        return [broken(_NAME, "network.tls_silent", *_CENTRAL, 0.65, host=place.host)]
    except OSError as error:  # the file of authorities
        return [broken(_NAME, "network.no_authorities", Cause.COMPUTER, Who.TECHNICIAN, 0.9,
                       {"error": type(error).__name__}, file=str(authorities))]  # fmt: skip


def _shake_hands(around: Surroundings, place: Place, trusted: str | None) -> ssl.SSLSocket:
    """Return a line with TLS on it, at the second try if the first was silent: packets get lost."""

    def shake() -> ssl.SSLSocket:
        try:
            line = line_to(around, place, 5.0)
        except OSError as error:
            raise NoLine(str(error)) from error
        return open_tls(line, place.host, authorities=trusted, verify=True)

    try:
        return shake()
    except TimeoutError:
        return shake()


def _accepted(secured: ssl.SSLSocket, place: Place) -> Finding:
    certificate = read_certificate(secured.getpeercert(binary_form=True) or b"")
    evidence = {**_dates(certificate), "protocol": secured.version()}
    left = certificate.ends - time.time()
    if left < _SOON:
        return suspect(_NAME, "network.certificate_soon", *_CENTRAL, 0.9, evidence,
                       days=int(left // 86400), host=place.host)  # fmt: skip
    return sound(_NAME, "network.tls_good", evidence, host=place.host)


def _not_accepted(
    around: Surroundings,
    place: Place,
    error: ssl.SSLCertVerificationError,
    before: Sequence[Finding],
) -> Finding:
    evidence: dict[str, str | int | float | bool | None] = {"refused_because": error.verify_message}
    certificate, theirs = _look_closer(around, place)
    if certificate is None:
        return broken(_NAME, "network.no_tls", *_CENTRAL, 0.6, evidence, host=place.host)
    evidence |= _dates(certificate)
    if _is_caught(before):
        return _intercepted(before, evidence)
    if error.verify_code in {_EXPIRED, _TOO_EARLY}:
        return _wrong_time(error.verify_code, certificate, theirs, evidence, place.host)
    if error.verify_code in {_OTHER_NAME, _OTHER_ADDRESS}:
        return broken(_NAME, "network.certificate_name", *_CENTRAL, 0.7, evidence,
                      host=place.host, name=certificate.names[0])  # fmt: skip
    # Nobody known has signed it: the centre has a new authority, or somebody stands in between.
    return broken(_NAME, "network.certificate_strange", *_CENTRAL, 0.5, evidence,
                  host=place.host, issuer=certificate.issuer or "-")  # fmt: skip


def _wrong_time(
    code: int, certificate: Certificate, theirs: float | None, evidence: Evidence, host: str
) -> Finding:
    now = time.time()
    if theirs is not None:
        evidence = {**evidence, "clock_of_centre": _date(theirs), "our_clock": _date(now)}
        if certificate.begins <= theirs <= certificate.ends and abs(theirs - now) > 3600:
            return broken(_NAME, "network.clock_not_certificate", Cause.COMPUTER, Who.CLERK, 0.85,
                          evidence, ours=_date(now), theirs=_date(theirs))  # fmt: skip
    sure = 0.9 if theirs is not None else 0.65
    if code == _EXPIRED:
        return broken(_NAME, "network.certificate_expired", *_CENTRAL, sure, evidence, host=host,
                      date=_date(certificate.ends))  # fmt: skip
    return broken(_NAME, "network.certificate_early", *_CENTRAL, sure, evidence, host=host,
                  date=_date(certificate.begins))  # fmt: skip


def _look_closer(around: Surroundings, place: Place) -> tuple[Certificate | None, float | None]:
    """Return the certificate of whoever answers, and the time that it says it is."""
    certificate, date = None, None
    try:
        with open_tls(line_to(around, place, 5.0), place.host) as secured:
            certificate = read_certificate(secured.getpeercert(binary_form=True) or b"")
            date = speak(secured, place.host, "/", time.monotonic(), 4.0, 0).date
    except (OSError, ValueError):
        return certificate, date
    return certificate, date


def _is_caught(before: Sequence[Finding]) -> bool:
    return any(each.seen.key in {"network.portal_found", "network.everything_caught"}
               for each in before)  # fmt: skip


def _intercepted(before: Sequence[Finding], evidence: Evidence) -> Finding:
    near = any(each.evidence.get("caught_by_gateway") for each in before)
    cause, who = ((Cause.LOCAL_NETWORK, Who.TECHNICIAN) if near
                  else (Cause.PROVIDER, Who.PROVIDER))  # fmt: skip
    return broken(_NAME, "network.intercepted", cause, who, 0.85 if near else 0.65, evidence)


def _dates(certificate: Certificate) -> dict[str, str | int | float | bool | None]:
    return {
        "valid_from": _date(certificate.begins),
        "valid_until": _date(certificate.ends),
        "issuer": certificate.issuer,
        "name": certificate.names[0],
    }


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
