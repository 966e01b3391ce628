"""Simplification: gradient graphs as terms of the public language, and the laws that make them short."""
