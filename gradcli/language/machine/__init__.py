"""Running code: frames, and an instruction for each thing a program does.

Its files:

    frames           machine generators
    instructions     instructions variables arithmetic calls flow imports
"""
