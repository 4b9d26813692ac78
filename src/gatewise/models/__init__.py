"""Models: what is built from settings, trained, saved, and made again from what was saved.

Floor 6. Nothing is imported here, so that `gatewise.models.settings` imports without torch.
"""
