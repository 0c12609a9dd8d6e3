"""Pictures as they are learned from: surveyed, with known answers, split for good, in batches."""
