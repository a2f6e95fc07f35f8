"""Explanations of readings: activations, saliency maps, other networks, figures and reports."""
