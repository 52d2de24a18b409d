"""What is known now: pure folds over the records, and the rules of what may come next."""
