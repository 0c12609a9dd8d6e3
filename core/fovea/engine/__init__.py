"""Training and evaluation. torch lives here and only here, imported by the modules that need it.

``train.train`` is the whole walk; ``recipe.Recipe`` holds every setting of it.
"""
