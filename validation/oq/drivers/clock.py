"""Run a command line of the tool while the clock of the computer is wrong: clock.py MINUTES WORDS...

The tool reads the clock in one place; only that is shifted, the rest runs as installed.
"""

import sys
from datetime import datetime, timedelta

from nesqc_gmp.cli import main
from nesqc_gmp.procedures import context

minutes, *words = sys.argv[1:]
right = context.system_clock


def shifted() -> datetime:
    """What the wrong clock shows."""
    return right() + timedelta(minutes=float(minutes))


context.Site.__init__.__defaults__ = (shifted,)
sys.argv = ["nesqc", *words]
main()
