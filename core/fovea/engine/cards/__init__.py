"""The model card, in words for who is no expert."""
