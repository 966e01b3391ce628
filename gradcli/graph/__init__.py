"""The graph: what an op is (op.py), a node of the graph (node.py), walking it without recursion (walk.py)."""
