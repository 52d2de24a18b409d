"""A demonstration site: one batch played by four people from images to certificate, every record marked.

Nothing made here is for GMP use. The procedures are the real ones; only the passphrases are known to everybody and
the signatures are given by the script instead of by people.
"""

from nesqc_gmp.demonstration.script import Demonstration, play

__all__ = ["Demonstration", "play"]
