"""Derivatives: graph in, graph out.

backward.py (vector-Jacobian products), forward.py (Jacobian-vector products), batch.py and forms.py (many of either at
once), functional.py (Jacobians, Hessians), check.py and differences.py (derivatives by differences alone).
"""
