"""Backups of a whole site: made, tested by restoring them, laid out again as a site.

What a backup holds, and why it holds the keys too, is in ``audit/decisions/0023-backup.md``.
"""

from nesqc_gmp.procedures.backup.making import make
from nesqc_gmp.procedures.backup.restoring import Restored, RestoreTest, restore, restore_test

__all__ = ["RestoreTest", "Restored", "make", "restore", "restore_test"]
