"""The doctor: examines a model or a run, says what it found in plain words, and shows it."""
