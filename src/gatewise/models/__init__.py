"""Models: what is built from settings, trained, and saved.

Floor 6; `gatewise.models.settings` imports without torch.
"""
