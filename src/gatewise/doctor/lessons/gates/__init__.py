"""Lesson: for how long each unit of a trained LSTM keeps what it holds, and what three of them hold."""
