"""Figures of a classifier with their intervals: what scipy and scikit-learn do not have, and one way to call what they have."""
