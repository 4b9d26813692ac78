"""Lesson: "Jane walked into the room. John walked in too. [k words] Jane said hi to ___"."""
