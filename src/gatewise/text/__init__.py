"""Text in, token ids out: readers, tokenizers, stores on disk, and the batches that training and evaluation walk over.

Floor 1. Importing this package imports nothing else; take what is needed from its modules.
"""
