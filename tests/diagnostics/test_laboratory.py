# SPDX-License-Identifier: Apache-2.0
import ssl
import sys

import pytest

from diagnostics.laboratory import NetworkFault, laboratory, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

ASK = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
try:
    with socket.create_connection(("pusat.contoh.test", 443), 3) as line:
        with context.wrap_socket(line, server_hostname="pusat.contoh.test") as secured:
            secured.sendall(b"GET / HTTP/1.1\\r\\nHost: pusat.contoh.test\\r\\n\\r\\n")
            print(secured.recv(4096).split()[1].decode(), end="")
except Exception as error:
    print(type(error).__name__, end="")
"""


@pytest.fixture(scope="module")
def lab():
    with laboratory() as built:
        yield built


def asked(lab):
    command = [sys.executable, "-c", ASK, str(lab.profile().authorities)]
    return lab.run(command).stdout.decode()


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (NetworkFault.NO_ADDRESS, "gaierror"),
        (NetworkFault.CENTRE_SILENT, "TimeoutError"),
        (NetworkFault.CENTRE_REFUSES, "ConnectionRefusedError"),
        (NetworkFault.PORTAL, "ConnectionRefusedError"),
        (NetworkFault.CERTIFICATE_EXPIRED, ssl.SSLCertVerificationError.__name__),
        (NetworkFault.SMALL_MTU, "TimeoutError"),
        (NetworkFault.HTTP_503, "503"),
    ],
)
def test_what_is_broken_heals(lab, fault, answer):
    lab.suffer(fault)
    assert asked(lab) == answer
    lab.heal()
    assert asked(lab) == "200"
