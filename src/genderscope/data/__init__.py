"""Labelled pictures: readers, selection, splits, leakage, prepared crops, counterfactuals."""
