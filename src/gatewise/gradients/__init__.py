"""What reaches back through time, measured as arrays: Jacobians, gradients of the loss, memory, gates."""
