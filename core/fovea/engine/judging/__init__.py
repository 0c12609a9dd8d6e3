"""How good a model is on pictures that it never learned from: figures with intervals, and comparisons."""
