"""Training and evaluation. torch lives here and only here, imported by the modules that need it.

``train.train`` is the whole walk; ``recipe.Recipe`` holds every setting of it. Imports point downwards: train, explain
and pretraining, learning, prepared, audits, cards, judging, network, tasks, networks, pictures.
"""
