"""What reaches back through time, measured: Jacobians, gradients of the loss, memory, gates; arrays only, no pictures."""
