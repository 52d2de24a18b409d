"""The content digest, kept among the records so that checking it needs no database."""

from nesqc_gmp.records.content import Content

__all__ = ["Content"]
