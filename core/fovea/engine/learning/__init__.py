"""How a network learns: the loop with its craft, a probe, a memory of normal pictures, and the mode that picks."""
