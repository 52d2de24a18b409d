"""The acts of people: the only rooms that append.

Each procedure checks who may do it, checks that the step is allowed, appends, and returns a value. It never prints
and never asks; where a signature is needed it is handed a ceremony that does.
"""
