"""Sequence tagging: parts of speech, named entities, whatever stands as a tag beside each word."""
