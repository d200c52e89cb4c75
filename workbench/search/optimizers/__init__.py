"""Runs the optimizers: the race, and DSPy's own optimizers without changes. `workbench.search.catalogue` lists them.

Each optimizer's file has a function `search`, which takes a `Bench` and returns the program with the best prompt. The
function computes the settings of DSPy's optimizer from the study's budget. The goals are both the training set and the
validation set, because a study has few goals, often one. No optimizer gets labelled demonstrations: the only label is
the gold plan, which must not appear in a prompt.
"""
