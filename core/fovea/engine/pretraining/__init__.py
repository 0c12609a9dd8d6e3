"""Learning from drawn pictures alone: where the starter comes from."""
