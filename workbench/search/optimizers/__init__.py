"""Calls DSPy's unmodified optimizers. Each file has a function from a `Bench` to the program with the best prompt.

Each file decides how the study's budget becomes its optimizer's own settings. The goals are both the training set and
the validation set, because a study has few goals, often one. No optimizer gets labelled demonstrations: the only label
is the gold plan, which must not appear in a prompt. `workbench.search.catalogue` lists the optimizers.
"""
