"""Text classification: train, classify, explain, evaluate."""
