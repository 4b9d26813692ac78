"""Claims of the textbooks about memory and gradients, each reproduced by one command and published as found."""
