"""Everything a prediction is made with, and nothing that training alone needs: no torch, no albumentations."""
