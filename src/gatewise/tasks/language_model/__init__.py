"""Language modelling, the first task: train, evaluate, generate, score, rank."""
