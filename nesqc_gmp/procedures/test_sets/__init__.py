"""Test sets: sealed by the custodian, opened by procedures alone, each opening a record, consumed for ever.

EU GMP Annex 22 draft 5 and 6: who develops a model never had access to what it is tested with, and every use of the
data is known.
"""

from nesqc_gmp.procedures.test_sets.custody import (
    Listed,
    consume,
    first_of,
    listed,
    open_content,
    read_content,
    require_unspent_images,
    shared,
    show,
)
from nesqc_gmp.procedures.test_sets.sealing import seal

__all__ = [
    "Listed",
    "consume",
    "first_of",
    "listed",
    "open_content",
    "read_content",
    "require_unspent_images",
    "seal",
    "shared",
    "show",
]
