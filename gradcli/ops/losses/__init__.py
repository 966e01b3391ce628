"""How far what is found is from what is wanted.

Its files:

    losses           losses crossentropy likelihood margins ctc
    distances        distances
"""
