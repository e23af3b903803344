# SPDX-License-Identifier: Apache-2.0
"""How good is it: error rates of recognition on folders of samples.

::

    report = evaluate_fingerprints("fvc2002/DB1_B", impostors="all")
    print(report.to_json())
"""

from ektp_hw.evaluation.fingerprints import Failure, Report, evaluate_fingerprints
from ektp_hw.evaluation.rates import Rates, error_rates

__all__ = ["Failure", "Rates", "Report", "error_rates", "evaluate_fingerprints"]
