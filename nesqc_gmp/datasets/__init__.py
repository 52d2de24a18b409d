"""Labelled images for development and test: the manifest, groups, the split, and leakage between splits."""
