"""What a model may say of its own answers, counted on pictures kept for that through the served network."""
