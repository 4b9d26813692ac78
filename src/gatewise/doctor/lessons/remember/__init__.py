"""Lesson: copying, adding, temporal order; how many updates each cell needs to solve them."""
