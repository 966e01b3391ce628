"""Derivatives: graph in, graph out. backward.py (vector-Jacobian products), forward.py (Jacobian-vector products)."""
