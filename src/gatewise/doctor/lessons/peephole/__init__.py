"""Lesson: spikes n or n + 1 steps apart, told apart with and without peepholes."""
