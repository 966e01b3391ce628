"""The prompt: what is code in a pasted text, completion, the loop."""
