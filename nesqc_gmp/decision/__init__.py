"""Rules, pure: from scores to outcomes of an image, a culture, a test and a batch."""
