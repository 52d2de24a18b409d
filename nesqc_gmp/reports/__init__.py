"""Reports that people read: one document value, printed as PDF and as a self-contained page."""
