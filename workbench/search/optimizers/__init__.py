"""DSPy's optimizers, unmodified, one in each file: a function from a `Bench` to the program that it chose.

Each file decides how the study's budget becomes its optimizer's own settings. The goals are training and validation set
at once, because there are few of them, often one. No optimizer gets labelled demonstrations: the only label is the gold
plan, which must not stand in a prompt. `workbench.search.catalogue` lists the optimizers.
"""
