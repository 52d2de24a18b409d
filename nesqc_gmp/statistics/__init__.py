"""Figures of a classifier with their intervals; scipy and scikit-learn where they have them, ours where not."""
