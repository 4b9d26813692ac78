"""From the operations of a traced time step to the steps of a program."""
