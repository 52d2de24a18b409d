"""Testing a model on a site: freeze a plan, run exactly that plan once, report.

::

    planning   what is frozen, what stands against it, signed by QA
    running    the attempt committed first, each result before it counts, the figures at the end
    figures    scored images and the plan to figures and verdicts; pure
    report     all of it as one document; pure
    views      plans and tests of a package
"""

from nesqc_gmp.procedures.model_tests.planning import plan, read_plan
from nesqc_gmp.procedures.model_tests.running import Done, Tested, run
from nesqc_gmp.procedures.model_tests.views import tests

__all__ = ["Done", "Tested", "plan", "read_plan", "run", "tests"]
