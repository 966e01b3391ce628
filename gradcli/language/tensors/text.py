"""The text of tensors and arrays in a session: its print options and its version of PyTorch's names."""

from __future__ import annotations

from gradcli.graph.op import leaf_op
from gradcli.language.tensors.gradfn import grad_fn_name
from gradcli.language.tensors.tensor import Tensor
from gradcli.render.torchtext import tensor_text


def tensor_repr(tensor: Tensor) -> str:
    """What printing a tensor shows; an array prints as numpy prints it."""
    context = tensor.context
    if tensor.is_array:
        from gradcli.render.numpytext import array_repr  # few programs print arrays

        return array_repr(tensor.numpy())
    special = "" if tensor.special is None else f"{tensor.special.name.rpartition('.')[2]} containing:\n"
    node = tensor.node
    recorded = node.requires_grad and node.op is not leaf_op
    return special + tensor_text(
        tensor.numpy(),
        node.dtype.name,
        default_dtype=context.default.name,
        requires_grad=node.requires_grad,
        grad_fn=grad_fn_name(node, context.names) if recorded else None,
        options=context.print_options,
    )


def tensor_str(tensor: Tensor) -> str:
    """What `str(x)` and `print(x)` show."""
    if tensor.is_array:
        from gradcli.render.numpytext import array_text  # few programs print arrays

        return array_text(tensor.numpy())
    return tensor_repr(tensor)
