"""Layers: a cell over sequences, in depth and both directions, and what regularises it."""
