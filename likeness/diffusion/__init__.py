"""Diffusion bases: families, loading, noise, drawing."""
