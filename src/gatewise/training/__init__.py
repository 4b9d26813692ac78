"""The training loop and what it offers a task and a monitor; it knows nothing of language.

Floor 7. Nothing is imported here, so that the settings can be read without torch: the loop is
:func:`gatewise.training.loop.fit`, the contract :class:`gatewise.training.task.Task`.
"""
