"""Lesson: the norm of dh_t/dh_k against the distance t - k, for six starts, before and after training."""
