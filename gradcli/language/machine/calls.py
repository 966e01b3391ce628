"""Instructions of calls: a function of the program gets a frame, anything else is run at once.

A frame that ends hands its result to the slot of its caller's frame, so calls in a program use no stack of Python's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcli.errors import RecursionError_, TypeError_
from gradcli.language.compiler.code import UNBOUND, Block, Cell, Code, Frame
from gradcli.language.machine.generators import Generator
from gradcli.language.machine.instructions import Pick
from gradcli.language.python.attributes import METHODS, get_attribute
from gradcli.language.python.callables import BoundMethod, UserFunction
from gradcli.language.python.classes import Super, UserClass
from gradcli.language.python.instance import Instance
from gradcli.language.python.values import Value, type_name
from gradcli.language.syntax import ast

DEPTH = 1000  # calls inside calls, as many as Python itself allows


def call(frame: Frame, arg: tuple[int, int, Pick, Sequence[int], Block, ast.Node]) -> Frame:
    """target = callee(items); `used`: intermediate slots that are emptied"""
    target, source, pick, used, following, place = arg
    slots = frame.slots
    callee = slots[source]
    args = list(pick(slots))
    for slot in used:
        slots[slot] = None
    frame.block = following
    if type(callee) is UserFunction:
        return enter(frame, callee, args, {}, target, place)
    return begin(frame, callee, args, {}, target, place)


def call_keywords(
    frame: Frame, arg: tuple[int, int, Pick, tuple[str, ...], Pick, Sequence[int], Block, ast.Node]
) -> Frame:
    """target = callee(items, name=value...)"""
    target, source, pick, names, pick_values, used, following, place = arg
    slots = frame.slots
    callee = slots[source]
    args = list(pick(slots))
    kwargs = dict(zip(names, pick_values(slots), strict=True))
    for slot in used:
        slots[slot] = None
    frame.block = following
    return begin(frame, callee, args, kwargs, target, place)


def call_spread(frame: Frame, arg: tuple[int, int, int, int, Sequence[int], Block, ast.Node]) -> Frame:
    """target = callee(*args, **kwargs), of a list and a dict that were built for it"""
    target, source, positional, keywords, used, following, place = arg
    slots = frame.slots
    callee, args, kwargs = slots[source], slots[positional], slots[keywords]
    for slot in used:
        slots[slot] = None
    frame.block = following
    return begin(frame, callee, args, kwargs, target, place)


def call_method(frame: Frame, arg: tuple[int, int, str, Pick, Sequence[int], Block, ast.Node]) -> Frame:
    """target = owner.name(items), without a bound method in between"""
    target, source, name, pick, used, following, place = arg
    slots = frame.slots
    owner = slots[source]
    args = list(pick(slots))
    for slot in used:
        slots[slot] = None
    frame.block = following
    if type(owner) is Instance and name not in owner.fields:
        callee = owner.cls.lookup(name)
        if type(callee) is UserFunction:
            return enter(frame, callee, [owner, *args], {}, target, place)
    else:
        methods = METHODS.get(type(owner))
        if methods is not None and name in methods:
            slots[target] = methods[name](owner, args, {})
            return frame
    callee = get_attribute(owner, name)
    return begin(frame, callee, args, {}, target, place)


def begin(
    frame: Frame, callee: Value, args: list[Value], kwargs: dict[str, Value], into: int, place: ast.Node
) -> Frame:
    """Call a value: the frame to go on in, a new one for a function of the program.

    Raises: TypeError_ when it cannot be called or does not take these arguments.
    """
    kind = type(callee)
    if kind is BoundMethod:
        args.insert(0, callee.receiver)
        callee = callee.function
        kind = type(callee)
    if kind is UserFunction:
        return enter(frame, callee, args, kwargs, into, place)
    if kind is UserClass:
        init = callee.lookup("__init__")
        if type(init) is UserFunction:
            made = callee.make(args)
            new = enter(frame, init, [made, *args], kwargs, into, place)
            if new is frame:  # an __init__ with a yield
                raise TypeError_("__init__() should return None, not 'generator'")
            new.made = made
            return new
    elif kind is Instance:
        method = callee.cls.lookup("__call__")
        if type(method) is UserFunction:
            return enter(frame, method, [callee, *args], kwargs, into, place)
    frame.slots[into] = call_value(callee, args, kwargs)
    return frame


def call_value(callee: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Call any value and wait for the result.

    Raises: TypeError_ when it cannot be called or does not take these arguments.
    """
    run = getattr(callee, "call", None)
    if run is None:
        raise TypeError_(f"'{type_name(callee)}' object is not callable")
    try:
        return run(args, kwargs)
    except TypeError as error:
        text = _arity(error)
        if text is None:
            raise
        raise TypeError_(f"{callee.name}() {text}") from None


def _arity(error: TypeError) -> str | None:
    """What is wrong with the arguments, when a built-in function written in Python refused them."""
    _, found, text = str(error).partition("() ")
    if found and text.startswith(("got an unexpected", "got multiple", "missing ", "takes ")):
        return text
    return None


def enter(
    frame: Frame, function: UserFunction, args: list[Value], kwargs: dict[str, Value], into: int, place: ast.Node
) -> Frame:
    """The frame of a call of a function of the program."""
    if frame.depth >= DEPTH:
        raise RecursionError_("maximum recursion depth exceeded", hint=f"{function.name} calls itself without an end?")
    slots = bind(function, args, kwargs)
    if function.code.generator:
        frame.slots[into] = Generator(Frame(function.code, slots, function.globals, function.machine))
        return frame
    return Frame(function.code, slots, function.globals, function.machine, frame, into, place)


def return_value(frame: Frame, source: int) -> Frame | None:
    """the function ends with a value"""
    value = frame.slots[source]
    if frame.made is not None:
        if value is not None:
            raise TypeError_(f"__init__() should return None, not '{type_name(value)}'")
        value = frame.made
    caller = frame.caller
    if caller is None:
        frame.machine.result = value
        return None
    assert frame.into is not None
    caller.slots[frame.into] = value
    return caller


def make_function(
    frame: Frame, arg: tuple[int, Code, Sequence[int], tuple[str, ...], Sequence[int], Sequence[int]]
) -> None:
    """target = a function of the code, with its defaults and the cells it shares"""
    target, code, defaults, names, keyword_defaults, cells = arg
    slots = frame.slots
    slots[target] = UserFunction(
        code,
        frame.globals,
        tuple([slots[cell] for cell in cells]),
        tuple([slots[default] for default in defaults]),
        {name: slots[default] for name, default in zip(names, keyword_defaults, strict=True)},
        frame.machine,
    )


def begin_class(frame: Frame, arg: tuple[int, Code, int, Sequence[int], Sequence[int], Block, ast.Node]) -> Frame:
    """run a class body; target becomes the class"""
    target, code, source, cells, used, following, place = arg
    slots = frame.slots
    bases = slots[source]
    for slot in used:
        slots[slot] = None
    frame.block = following
    own = code.template.copy()
    for slot in code.cells:
        own[slot] = Cell()
    for slot, cell in zip(code.free, cells, strict=True):
        own[slot] = slots[cell]
    new = Frame(code, own, frame.globals, frame.machine, frame, target, place)
    new.names = {} if code.doc is None else {"__doc__": code.doc}
    new.bases = bases
    return new


def end_class(frame: Frame, cell: int | None) -> Frame:
    """the class body is done: make the class"""
    assert frame.names is not None
    assert frame.caller is not None
    assert frame.into is not None
    made = UserClass(frame.code.name, frame.bases, frame.names, frame.machine)
    if cell is not None:
        frame.slots[cell].value = made
    frame.caller.slots[frame.into] = made
    return frame.caller


def load_super(frame: Frame, arg: tuple[int, int, int]) -> None:
    """target = super() of the class in a cell and the method's first argument"""
    target, cell, first = arg
    slots = frame.slots
    receiver = slots[first]
    slots[target] = Super(slots[cell].value, receiver.value if type(receiver) is Cell else receiver)


# Arguments and parameters


def bind(function: UserFunction, args: list[Value], kwargs: dict[str, Value]) -> list[Value]:
    """The slots of a new frame with the arguments where the parameters are.

    Raises: TypeError_ in Python's words when they do not fit.
    """
    code = function.code
    slots = code.template.copy()
    given = len(args)
    missing = code.positional - given
    if code.simple and not kwargs and 0 <= missing <= len(function.defaults):
        slots[:given] = args
        if missing:
            slots[given : code.positional] = function.defaults[-missing:]
    else:
        _bind_fully(function, args, kwargs, slots)
    for slot in code.cells:
        slots[slot] = Cell(slots[slot])
    if code.free:
        for slot, cell in zip(code.free, function.cells, strict=True):
            slots[slot] = cell
    return slots


def _bind_fully(function: UserFunction, args: list[Value], kwargs: dict[str, Value], slots: list[Value]) -> None:
    """Any mixture of positional, keyword, *args and **kwargs."""
    code = function.code
    positional = code.positional
    count = min(len(args), positional)
    slots[:count] = args[:count]
    at = positional
    if code.star:
        slots[at] = tuple(args[positional:])
        at += 1
    keyword_at = at
    extra: dict[str, Value] = {}
    for name, value in kwargs.items():
        where = _parameter(code, name, keyword_at)
        if where is None:
            if not code.star_kw:
                raise _unexpected(function, name, kwargs)
            extra[name] = value
        elif slots[where] is not UNBOUND:
            raise TypeError_(f"{code.qualname}() got multiple values for argument '{name}'")
        else:
            slots[where] = value
    if len(args) > positional and not code.star:
        raise _too_many(function, len(args), sum(name in code.keyword_only for name in kwargs))
    _fill_defaults(function, slots, keyword_at)
    if code.star_kw:
        slots[keyword_at + len(code.keyword_only)] = extra


def _parameter(code: Code, name: str, keyword_at: int) -> int | None:
    """The slot of a parameter that a keyword may set."""
    if name in code.keyword_only:
        return keyword_at + code.keyword_only.index(name)
    names = code.params[: code.positional]
    if name in names:
        at = names.index(name)
        if at >= code.positional_only:
            return at
    return None


def _fill_defaults(function: UserFunction, slots: list[Value], keyword_at: int) -> None:
    code = function.code
    first = code.positional - len(function.defaults)
    missing = []
    for at in range(code.positional):
        if slots[at] is UNBOUND:
            if at >= first:
                slots[at] = function.defaults[at - first]
            else:
                missing.append(code.params[at])
    if missing:
        raise _missing(function, missing, "positional")
    for at, name in enumerate(code.keyword_only, keyword_at):
        if slots[at] is UNBOUND:
            if name in function.keyword_defaults:
                slots[at] = function.keyword_defaults[name]
            else:
                missing.append(name)
    if missing:
        raise _missing(function, missing, "keyword-only")


def _missing(function: UserFunction, names: list[str], kind: str) -> TypeError_:
    quoted = [f"'{name}'" for name in names]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}{',' * (len(quoted) > 2)} and {quoted[-1]}"
    plural = "s" if len(names) > 1 else ""
    return TypeError_(f"{function.code.qualname}() missing {len(names)} required {kind} argument{plural}: {listed}")


def _too_many(function: UserFunction, given: int, keyword_only: int) -> TypeError_:
    code = function.code
    least = code.positional - len(function.defaults)
    takes = str(code.positional) if least == code.positional else f"from {least} to {code.positional}"
    also = ""
    if keyword_only:
        also = f"{_arguments(given, 'positional')} (and {keyword_only}{_arguments(keyword_only, 'keyword-only')})"
    verb = "was" if given == 1 and not keyword_only else "were"
    takes += _arguments(code.positional if least == code.positional else 2, "positional")
    return TypeError_(f"{code.qualname}() takes {takes} but {given}{also} {verb} given")


def _arguments(count: int, kind: str) -> str:
    return f" {kind} argument{'' if count == 1 else 's'}"


def _unexpected(function: UserFunction, name: str, given: Iterable[str]) -> TypeError_:
    code = function.code
    known = [param for param in code.params[: code.positional_only] if param in given]
    if known:
        listed = ", ".join(known)
        return TypeError_(
            f"{code.qualname}() got some positional-only arguments passed as keyword arguments: '{listed}'"
        )
    return TypeError_(f"{code.qualname}() got an unexpected keyword argument '{name}'")
