# SPDX-License-Identifier: Apache-2.0
"""Every fault of the laboratory, found from inside the station.

Most of it waits for real time limits, and a loaded machine looks like a bad line; so it is tried
where ``EKTP_HW_DOCTOR_MATRIX=1`` asks for it.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diagnostics.laboratory import NetworkFault as Fault
from diagnostics.laboratory import laboratory, why_not
from ektp_hw.diagnostics.findings import Cause, Outcome
from ektp_hw.diagnostics.probes import all_probes, causes_of_probes
from ektp_hw.diagnostics.verdict import judge
from ektp_hw.diagnostics.wording import LANGUAGES, worded

_LACK = why_not() or (
    "" if os.environ.get("EKTP_HW_DOCTOR_MATRIX") == "1" else "EKTP_HW_DOCTOR_MATRIX=1 tries it"
)
pytestmark = pytest.mark.skipif(bool(_LACK), reason=_LACK)
OURS, PROVIDER, CENTRE = Cause.LOCAL_NETWORK, Cause.PROVIDER, Cause.CENTRAL_SERVICE

SURE = [
    (Fault.LINK_DOWN, OURS, "network.cable_out"),
    (Fault.INTERFACE_OFF, OURS, "network.switched_off"),
    (Fault.NO_INTERFACE, OURS, "network.no_interface"),
    (Fault.NO_ADDRESS, OURS, "network.no_address"),
    (Fault.LINK_LOCAL_ONLY, OURS, "network.link_local"),
    (Fault.NO_ROUTE, OURS, "network.no_route"),
    (Fault.DUPLICATE_ADDRESS, OURS, "network.address_twice"),
    (Fault.ONLY_IPV6, OURS, "network.only_v6_no_way"),
    (Fault.GATEWAY_DEAD, OURS, "network.gateway_dead"),
    (Fault.PORTAL, OURS, "network.portal_found"),
    (Fault.INTERCEPTION, OURS, "network.intercepted"),
    (Fault.LINE_CUT, PROVIDER, "network.line_cut"),
    (Fault.PROVIDER_BLACKHOLE, PROVIDER, "network.provider_stops"),
    (Fault.DNS_SILENT, PROVIDER, "network.names_silent"),
    (Fault.DNS_REFUSES, PROVIDER, "network.names_refused"),
    (Fault.DNS_FAILING, PROVIDER, "network.names_failing"),
    (Fault.DNS_LIES, PROVIDER, "network.names_lie"),
    (Fault.CENTRE_OFF, CENTRE, "network.centre_silent"),
    (Fault.CENTRE_SILENT, CENTRE, "network.centre_silent"),
    (Fault.CENTRE_REFUSES, CENTRE, "network.centre_refuses"),
    (Fault.NO_TLS, CENTRE, "network.no_tls"),
    (Fault.CERTIFICATE_EXPIRED, CENTRE, "network.certificate_expired"),
    (Fault.CERTIFICATE_EARLY, CENTRE, "network.certificate_early"),
    (Fault.CERTIFICATE_WRONG_NAME, CENTRE, "network.certificate_name"),
    (Fault.CLOCK_WRONG, Cause.COMPUTER, "computer.clock_wrong"),
    (Fault.HTTP_500, CENTRE, "network.server_error"),
    (Fault.HTTP_503, CENTRE, "network.server_error"),
    (Fault.HEALTH_BAD, CENTRE, "network.unwell"),
    (Fault.SMALL_MTU, PROVIDER, "network.large_packets_vanish"),
]
SUSPECTED = [
    (Fault.CENTRE_SLOW, "network.slow_answer"),
    (Fault.LOSSY, "network.packets_lost"),
    (Fault.SLOW_LINE, "network.long_trip"),
    (Fault.IPV6_BROKEN, "network.ipv6_leads_nowhere"),
    (Fault.CLOCK_SLOW, "computer.clock_drifts"),
]
UNDECIDED = [
    (Fault.NAME_UNKNOWN, {}, "network.name_unknown"),
    (Fault.CERTIFICATE_STRANGE, {}, "network.certificate_strange"),
    # Without other hosts nobody can say whether the provider or the centre is silent.
    (Fault.CENTRE_SILENT, {"reference_hosts": ()}, "network.centre_or_provider"),
    (Fault.PROVIDER_BLACKHOLE, {"reference_hosts": ()}, "network.centre_or_provider"),
]
ALONE = {"reference_hosts": ()}
OTHERS = {
    "healthy": ((), {}),
    "two": ((Fault.LINE_CUT, Fault.CERTIFICATE_EXPIRED), {}),
    "cut, alone": ((Fault.LINE_CUT,), ALONE),
    "no centre": ((), {"centre": "", **ALONE}),
    "proxy gone": ((), {"proxy": "http://192.168.7.9:3128"}),
    "authorities gone": ((), {"authorities": Path("/nonexistent/authority.pem")}),
}
PROBES = [each for each in all_probes() if each.name.startswith(("network.", "computer.d"))]


def case(fault, changes=None):
    return f"{fault.name} {sorted(changes or {})}"


def look(faults, changes):
    with laboratory() as lab:
        lab.suffer(*faults)
        return lab.look(PROBES, profile=lab.profile(**changes))


@pytest.fixture(scope="module")
def looks():
    """All looks at once, each in a network of its own: most of a look is waiting."""
    wanted = {case(fault): ((fault,), {}) for fault, *_ in (*SURE, *SUSPECTED)}
    wanted |= {case(fault, changes): ((fault,), changes) for fault, changes, _ in UNDECIDED}
    wanted |= OTHERS
    with ThreadPoolExecutor(12) as pool:
        reports = {name: pool.submit(look, *each) for name, each in wanted.items()}
        return {name: report.result() for name, report in reports.items()}


@pytest.fixture
def verdict_of(looks):
    def judged(name):
        report = looks[name]
        for each in report.findings:
            assert not each.seen.key.startswith("probe."), each
            for said in filter(None, (each.checked, each.seen, each.advice)):
                assert all(worded(said, language) for language in LANGUAGES)
        return judge(report, causes_of_probes()), report

    return judged


def keys(faults):
    return [fault.root.seen.key for fault in faults]


def test_a_healthy_network_is_healthy(verdict_of):
    verdict, report = verdict_of("healthy")
    assert verdict.is_healthy
    assert not verdict.suspects
    assert not verdict.untested
    assert {OURS, PROVIDER, CENTRE} <= set(verdict.ruled_out)
    assert report.seconds < 20


@pytest.mark.parametrize(("fault", "cause", "key"), SURE, ids=str)
def test_who_is_at_fault_is_said(verdict_of, fault, cause, key):
    verdict, report = verdict_of(case(fault))
    assert keys(verdict.faults) == [key]
    assert verdict.cause is cause
    assert not verdict.undecided
    assert report.seconds < 50


@pytest.mark.parametrize(("fault", "key"), SUSPECTED, ids=str)
def test_what_works_badly_is_suspected(verdict_of, fault, key):
    verdict, _ = verdict_of(case(fault))
    assert verdict.is_healthy
    assert key in {each.seen.key for each in verdict.suspects}


@pytest.mark.parametrize(("fault", "changes", "key"), UNDECIDED, ids=str)
def test_what_cannot_be_told_is_undecided(verdict_of, fault, changes, key):
    verdict, _ = verdict_of(case(fault, changes))
    assert not verdict.faults
    assert keys(verdict.undecided) == [key]


def test_the_lower_of_two_faults_is_found_first(verdict_of):
    verdict, _ = verdict_of("two")
    assert keys(verdict.faults) == ["network.line_cut"]


def test_a_line_that_is_cut_needs_no_reference_host(verdict_of):
    verdict, _ = verdict_of("cut, alone")
    assert verdict.cause is PROVIDER


def test_no_centre_named_is_no_fault(verdict_of):
    verdict, report = verdict_of("no centre")
    assert verdict.is_healthy
    centre = [each for each in report.findings if each.probe == "network.centre"]
    assert [each.outcome for each in centre] == [Outcome.UNTESTED]


def test_a_proxy_that_is_gone(verdict_of):
    verdict, _ = verdict_of("proxy gone")
    assert keys(verdict.faults) == ["network.proxy_dead"]
    assert verdict.cause is OURS


def test_authorities_that_are_missing(verdict_of):
    verdict, _ = verdict_of("authorities gone")
    assert keys(verdict.faults) == ["network.no_authorities"]
    assert verdict.cause is Cause.COMPUTER
