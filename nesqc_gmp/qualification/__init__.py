"""Qualification: what shows at a site that the installed tool does what was asked of it."""
