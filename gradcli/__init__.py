"""gradcli: PyTorch's autograd at the shell prompt, without PyTorch."""
