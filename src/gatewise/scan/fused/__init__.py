"""The fused runner: a cell's step program through the engine."""
