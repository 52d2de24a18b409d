"""The vocabulary: frozen records and the values inside them, one union by ``kind``."""
