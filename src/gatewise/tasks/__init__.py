"""One folder per task, found by scanning: adding a task changes no other file. Floor 8; imports without torch."""
