"""Executing the graph on numpy. One door: `run.run(outputs)`."""
