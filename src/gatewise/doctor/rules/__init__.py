"""The rules of the verdict: small functions from what was measured to what there is to say about it."""
