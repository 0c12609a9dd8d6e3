"""Audits of the pictures before and after a training: what a figure might count that is no skill.

``leaks`` finds the same picture in two groups; ``shortcuts`` finds what gives the answer away beside the subject.
"""
