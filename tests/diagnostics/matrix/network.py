# SPDX-License-Identifier: Apache-2.0
"""Troubles between the station and the centre, of the laboratory."""

from dataclasses import replace

from diagnostics.laboratory import NetworkFault as Net
from diagnostics.matrix.bench import Trouble
from diagnostics.matrix.machine import Write
from ektp_hw.diagnostics.findings import Cause

__all__ = ["TROUBLES"]

_OURS, _PROVIDER, _CENTRE = Cause.LOCAL_NETWORK, Cause.PROVIDER, Cause.CENTRAL_SERVICE
_SURE = {
    _OURS: (
        Net.LINK_DOWN, Net.INTERFACE_OFF, Net.NO_INTERFACE, Net.NO_ADDRESS, Net.LINK_LOCAL_ONLY,
        Net.NO_ROUTE, Net.DUPLICATE_ADDRESS, Net.ONLY_IPV6, Net.GATEWAY_DEAD, Net.PORTAL,
        Net.INTERCEPTION,
    ),
    _PROVIDER: (
        Net.LINE_CUT, Net.PROVIDER_BLACKHOLE, Net.DNS_SILENT, Net.DNS_REFUSES, Net.DNS_FAILING,
        Net.DNS_LIES, Net.SMALL_MTU,
    ),
    _CENTRE: (
        Net.CENTRE_OFF, Net.CENTRE_SILENT, Net.CENTRE_REFUSES, Net.NO_TLS, Net.CERTIFICATE_EXPIRED,
        Net.CERTIFICATE_EARLY, Net.CERTIFICATE_WRONG_NAME, Net.HTTP_500, Net.HTTP_503,
        Net.HEALTH_BAD,
    ),
}  # fmt: skip
_REMARKS = (
    (Net.IPV6_BROKEN, _OURS),
    (Net.CENTRE_SLOW, _CENTRE),
    (Net.LOSSY, _PROVIDER),
    (Net.SLOW_LINE, _PROVIDER),
)


def _trouble(fault, causes, kind="fault", name="", **profile):
    words = name or f"network: {fault}"
    return Trouble(words, causes, kind, network=(fault,), profile=profile)


def _by_ntp(fault, cause, kind="fault"):
    """Let the station's machine ask the laboratory's time server, as timesyncd is set to."""
    told = Write("etc/systemd/timesyncd.conf", "[Time]\nNTP=100.64.9.53\n")
    return replace(_trouble(fault, (cause,), kind), files=(told,))


TROUBLES = (
    *(_trouble(fault, (cause,)) for cause, faults in _SURE.items() for fault in faults),
    Trouble("network: the web proxy is gone", (_OURS,),
            profile={"proxy": "http://192.168.7.9:3128"}),
    *(_trouble(fault, (cause,), "remark") for fault, cause in _REMARKS),
    _by_ntp(Net.CLOCK_WRONG_BY_NTP, Cause.COMPUTER),
    _by_ntp(Net.CLOCK_SLOW, Cause.COMPUTER, "remark"),
    _by_ntp(Net.CENTRE_CLOCK_WRONG, _CENTRE, "remark"),
    # Nobody can tell these from inside: a name may be deleted or withheld, a strange certificate
    # new or forged, and without other hosts a silent centre is a silent provider.
    _trouble(Net.NAME_UNKNOWN, (_PROVIDER, _CENTRE), "undecided"),
    _trouble(Net.CERTIFICATE_STRANGE, (_OURS, _PROVIDER, _CENTRE), "undecided"),
    _trouble(Net.CENTRE_SILENT, (_PROVIDER, _CENTRE), "undecided",
             f"network: {Net.CENTRE_SILENT}, and nobody else may be asked", reference_hosts=()),
)  # fmt: skip
