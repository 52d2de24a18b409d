"""Performance qualification of a model: with the site's own people, procedures, images and other tests.

::

    protocol    the cases as they lie in files, and one digest of all of them
    steps       what a case does, expects and asks the tester for; pure
    material    what the log knows that a case looks at
    people      people and procedures: what was typed against the access list; pure
    model       intended use and acceptance of the model, from the record; pure
    studies     reader study, repeated imaging, concordance: figures from the recorded test; pure
    execution   material and what the tester gave to the result of a case
    running     the run: opened or continued, case by case over days, closed when every case has a result

No case scores an image: every figure is of scores that the completed test of the frozen plan recorded.
"""

from nesqc_gmp.procedures.qualification.performance.execution import Given, read_given
from nesqc_gmp.procedures.qualification.performance.protocol import PerformanceProtocol, read_protocol
from nesqc_gmp.procedures.qualification.performance.running import (
    PerformanceRun,
    begin,
    close,
    execute,
    find_open,
    refreshed,
    stop,
)
from nesqc_gmp.procedures.qualification.performance.steps import Question, planned_steps, questions, table_wanted

__all__ = [
    "Given",
    "PerformanceProtocol",
    "PerformanceRun",
    "Question",
    "begin",
    "close",
    "execute",
    "find_open",
    "planned_steps",
    "questions",
    "read_given",
    "read_protocol",
    "refreshed",
    "stop",
    "table_wanted",
]
