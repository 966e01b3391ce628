"""Executing the graph on numpy. One door: `run.run(outputs)`.

Its files:

    running          run planned plan plain quiet threads
    nodes to terms   read lower term laws
    what goes where  places layout closure buffers
    passes           assemble fuse kernels reductions erf
    whole arrays     calls
    plans in words   describe
"""
