"""Lesson: for how long each unit of an LSTM that was trained on text keeps what it holds, and what three of them hold."""
