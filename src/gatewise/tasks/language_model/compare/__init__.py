"""Models of several kinds, trained on the same text in the same time and measured side by side."""
