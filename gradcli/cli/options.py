"""The commands and their options, as data: the parser, the help and the settings are all made from it.

Imports nothing, so that `--help` costs little. A later command adds one `Command` here and one file beside this.
"""

from __future__ import annotations

# An option of one word takes that word from the user's variables (`--x VALUE` binds x), so this list is closed:
# later options have two words or more. `--var NAME=VALUE` binds a variable of any of these names.
RESERVED = (
    "check",
    "cov",
    "dtype",
    "err",
    "format",
    "help",
    "json",
    "names",
    "order",
    "seed",
    "show",
    "tangent",
    "threads",
    "timeout",
    "to",
    "var",
    "version",
    "wrt",
)

DTYPES = ("float32", "float64", "float16")


class Option:
    """One option: its names, what it takes and what it is for.

    kind: flag, text, file, integer, seconds, choice, names (x,y,z) or binding (NAME=VALUE).
    repeated: it may be given several times, and its value is a list. setting: GRADCLI_* and the config file set it too.
    """

    __slots__ = ("choices", "help", "key", "kind", "metavar", "names", "repeated", "setting")

    def __init__(
        self,
        names: str,
        help: str,
        metavar: str = "",
        kind: str = "text",
        choices: tuple[str, ...] = (),
        repeated: bool = False,
        setting: bool = False,
    ) -> None:
        self.names = tuple(names.split(", "))
        self.help = help
        self.metavar = metavar
        self.kind = kind
        self.choices = choices
        self.repeated = repeated
        self.setting = setting
        self.key = self.names[-1].lstrip("-").replace("-", "_")

    @property
    def takes_value(self) -> bool:
        """Whether the next word belongs to it."""
        return self.kind != "flag"

    @property
    def usage(self) -> str:
        """How the help shows it: `-o FILE, --format text|json`."""
        value = "|".join(self.choices) if self.choices and not self.metavar else self.metavar
        return ", ".join(self.names) + (f" {value}" if value else "")


class Command:
    """One command: what it reads, its options, and the examples of its help. binds: it takes variables."""

    __slots__ = ("binds", "description", "examples", "name", "operand", "options", "summary")

    def __init__(
        self,
        name: str,
        operand: str,
        summary: str,
        description: str,
        options: tuple[Option, ...],
        examples: str,
        binds: bool = True,
    ) -> None:
        self.name = name
        self.operand = operand
        self.summary = summary
        self.description = description
        self.options = options
        self.examples = examples
        self.binds = binds

    def option(self, name: str) -> Option | None:
        """The option of a name as it is written (`--seed`)."""
        return next((option for option in self.options if name in option.names), None)


HELP = Option("-h, --help", "print this and exit", kind="flag")
VAR = Option("--var", "bind a variable whose name is also an option", "NAME=VALUE", "binding", repeated=True)
PROGRAM = Option("-f, --program-file", "read the expression from FILE", "FILE", "file")
DTYPE = Option("--dtype", "the default dtype (float32)", kind="choice", choices=DTYPES, setting=True)
NAMES = Option(
    "--names",
    "whose grad_fn names to print: PyTorch 1.0's (torch1) or 2.x's",
    kind="choice",
    choices=("torch1", "torch2"),
    setting=True,
)
MANUAL_SEED = Option("--manual-seed", "torch.manual_seed(N) before anything is drawn", "N", "integer")
NO_GRAD = Option("--no-grad", "record no graph and print no gradients", kind="flag")
TIMEOUT = Option("--timeout", "give up after so many seconds, with exit status 124", "SECONDS", "seconds", setting=True)
INTERACTIVE = Option("-i, --keep-session", "go on at the prompt with the variables at hand", kind="flag")
SEED = Option("--seed", "the cotangent v of y.backward(v); once per output of a tuple", "VALUE", repeated=True)
WRT = Option("--wrt", "gradients of these alone; assigned names count too", "x,y", "names")
BY = Option("--wrt", "derive by these alone; assigned names count too", "x,y", "names")
FORMAT = Option("--format", "how to print (text)", kind="choice", choices=("text", "json", "csv", "npz"), setting=True)
CHECK_FORMAT = Option("--format", "how to print (text)", kind="choice", choices=("text", "json"), setting=True)
JSON = Option("--json", "the same as --format json", kind="flag")
OUTPUT = Option("-o, --output-file", "write to FILE, whole or not at all", "FILE", "file")
SHOW = Option("--show", "print how it would be computed, not the value", kind="choice", choices=("plan",))
THREADS = Option("--threads", "compute on at most N threads (as many as there are processors, up to 4)", "N", "integer")
CHECK = Option("--check", "compare what is printed with the output recorded in FILE", kind="flag")

TANGENT = Option("--tangent", "the direction in a variable", "NAME=VALUE", repeated=True)

VALUES = """\
Variables: --NAME VALUE or --NAME=VALUE. The next word is always the value, also when it begins with a minus.
  VALUE is an expression ("ones(2,2)", "[1, 2]", 3, "x*2") or a form that needs no quotes:
    1,2,3  ones:2,2  randn:3  eye:2  linspace:0,1,5
    @data.npy  @data.npz:key  @data.csv  @data.csv:column  @data.json  @- (standard input)
  Numbers and lists become tensors of the default dtype; tensor(...), factories and arrays keep their own.
"""

EVAL = Command(
    "eval",
    "EXPR",
    "the value of an expression, and its gradients",
    "Prints the value of EXPR (statements may come before it, split by ';' or line ends), its grad_fn and the\n"
    "gradient of each variable. EXPR comes from the argument, from -f FILE, or from standard input with '-'.",
    (
        SEED,
        WRT,
        DTYPE,
        MANUAL_SEED,
        NAMES,
        NO_GRAD,
        FORMAT,
        JSON,
        OUTPUT,
        SHOW,
        THREADS,
        TIMEOUT,
        PROGRAM,
        INTERACTIVE,
        VAR,
        HELP,
    ),
    'gradcli eval "mean(3*(x+2)**2)" --x "ones(2,2)"\n'
    'gradcli eval "x @ w" --x 1,2 --w randn:2,3 --seed 1,0,0 --manual-seed 0\n'
    'gradcli eval "y = x.exp(); y.sum()" --x @data.npy --wrt x,y --json\n',
)

RUN = Command(
    "run",
    "FILE",
    "a program, a notebook or a document",
    "Runs FILE: a program (.py, .txt), the code cells of a notebook (.ipynb), the fenced blocks of a document (.md),\n"
    "or standard input with '-'. Prompts ('>>> ', 'In [3]:') are dropped. Variables are bound before it starts.",
    (CHECK, DTYPE, MANUAL_SEED, NAMES, THREADS, TIMEOUT, INTERACTIVE, VAR, HELP),
    "gradcli run tutorial.txt\ngradcli run notebook.ipynb --check\necho 'print(ones(2))' | gradcli run -\n",
)

REPL = Command(
    "repl",
    "",
    "the prompt",
    "Reads statements and shows what they give. ':help' at the prompt lists its commands.",
    (DTYPE, MANUAL_SEED, NAMES, VAR, HELP),
    "gradcli repl\ngradcli repl --names torch2 --x randn:3\n",
)

OPS = Command(
    "ops",
    "[NAME]",
    "what operations there are, and all about one",
    "Lists every operation with the line that says what it computes. With NAME: its signatures, spellings,\n"
    "derivative (g is the cotangent, y the result), kinks, grad_fn names, and an example that is run.",
    (JSON, HELP),
    "gradcli ops softplus\ngradcli ops linalg.det\ngradcli ops x.sum --json\n",
    binds=False,
)

DIFF = Command(
    "diff",
    "EXPR",
    "the derivative of an expression, as a formula",
    "Prints the derivative as a simplified formula in gradcli's own language, shared parts as lines before the last,\n"
    'so that gradcli eval "$(gradcli diff EXPR --wrt x)" --x VALUE is the gradient. Variables may be left without a\n'
    "value: then the formula holds for any shape (x.numel() where it matters). --wrt may name what EXPR assigns.",
    (
        Option("--wrt", "differentiate by these (all floating-point variables)", "x,y", "names"),
        Option(
            "--order",
            "2: the derivative of the sum of the gradient, 3: of the sum of that, and so on (1)",
            "N",
            "integer",
        ),
        Option("--seed", "the cotangent v of J^T v; a name stays a name in the formula", "VALUE", repeated=True),
        Option("--to", "the form: text", kind="choice", choices=("text", "latex", "torch", "numpy", "jax")),
        Option(
            "--with-test",
            "torch, numpy, jax: with a test against the gradient that was found here, at a point",
            kind="flag",
        ),
        DTYPE,
        MANUAL_SEED,
        TIMEOUT,
        PROGRAM,
        VAR,
        HELP,
    ),
    'gradcli diff "mean(3*(x+2)**2)" --wrt x\n'
    'gradcli diff "cross_entropy(x, t)" --wrt x --x randn:3,4 --t "tensor([0, 1, 2])"\n'
    'gradcli diff "tanh(w @ x)" --wrt w --x randn:3 --w randn:2,3 --seed v --to latex\n',
)

DERIVING = (BY, DTYPE, MANUAL_SEED, NAMES, FORMAT, JSON, OUTPUT, TIMEOUT, PROGRAM, VAR, HELP)

JACOBIAN = Command(
    "jacobian",
    "EXPR",
    "the derivative of every element of the output by every element",
    "The Jacobian of EXPR. On a terminal one matrix: a row for each element of the output (y[0]), a column for each\n"
    "element of the variables (x[0,1]). As text, for each variable torch's tensor, of the output's shape followed by\n"
    "the variable's. json has the same tensors, csv the labelled matrix, npz the arrays.",
    DERIVING,
    'gradcli jacobian "x**2 * y" --x 1,2,3 --y 2\n'
    'gradcli jacobian "h = tanh(w @ x); h.softmax(0)" --w randn:3,2 --x ones:2 --wrt h,x --json\n'
    "gradcli jacobian -f model.py --x @data.npy --format npz -o jacobian.npz\n",
)

HESSIAN = Command(
    "hessian",
    "EXPR",
    "the second derivatives of a number by every pair of elements",
    "The Hessian of EXPR, which has one element. On a terminal one matrix whose rows and columns are the elements of\n"
    "the variables. As text, for each pair of variables torch's tensor, of the first one's shape followed by the\n"
    "second one's. json has the same tensors, csv the labelled matrix, npz the arrays.",
    DERIVING,
    'gradcli hessian "(x**3).sum() * y" --x 1,2 --y 3\ngradcli hessian "x @ a @ x" --x ones:3 --a eye:3 --wrt x\n',
)

JVP = Command(
    "jvp",
    "EXPR",
    "the Jacobian times a direction: how the output changes along it",
    "Prints the value of EXPR and its derivative along the tangents. Variables without a tangent stay where they are.",
    (TANGENT, *DERIVING),
    'gradcli jvp "sin(x) * y" --x 1,2 --y 3 --tangent x=1,0\n',
)

HVP = Command(
    "hvp",
    "EXPR",
    "the Hessian times a direction: how the gradient changes along it",
    "Prints the value of EXPR, which has one element, and for each variable the derivative of its gradient along the\n"
    "tangents. The Hessian itself is not made, so there may be many variables.",
    (TANGENT, *DERIVING),
    'gradcli hvp "(x**3).sum()" --x 1,2,3 --tangent x=1,0,0\n',
)

CHECKING = Command(
    "check",
    "EXPR",
    "first and second derivatives against finite differences",
    "Compares the derivatives of EXPR with finite differences, in float64 whatever the inputs are, and ends with\n"
    "status 1 when one does not agree. An element on a kink is named as such, with the derivatives on both sides. A\n"
    "torch.autograd.Function of your own, in the statements before EXPR or in -f FILE, is checked the same way. Where\n"
    "elements are many, blocks of them are moved together, and one that does not agree is taken apart.",
    (
        BY,
        Option("--order", "1: first derivatives alone; 2: second ones, too (2)", "N", "integer"),
        MANUAL_SEED,
        CHECK_FORMAT,
        JSON,
        OUTPUT,
        TIMEOUT,
        PROGRAM,
        VAR,
        HELP,
    ),
    'gradcli check "softplus(x).sum()" --x randn:3 --manual-seed 0\n'
    "gradcli check -f my_function.py --x randn:4 --json\n",
)

EXPLAIN = Command(
    "explain",
    "EXPR",
    "the chain rule step by step, with the numbers",
    "Prints each step of EXPR with its value, then backward its cotangent, the local derivative as a formula and the\n"
    "product with the numbers, and which paths add up. Small Jacobians are written out. A variable without a gradient\n"
    "is explained, with the place underlined; of numbers that are not finite it says where they come from.",
    (
        Option("--wrt", "explain the gradients of these (all variables)", "x,y", "names"),
        Option("--seed", "the cotangent v of J^T v", "VALUE", repeated=True),
        Option("--to", "the form: text", kind="choice", choices=("text", "markdown", "latex")),
        CHECK_FORMAT,
        JSON,
        DTYPE,
        MANUAL_SEED,
        TIMEOUT,
        PROGRAM,
        VAR,
        HELP,
    ),
    'gradcli explain "y = x + 2; z = 3*y**2; mean(z)" --x ones:2,2\n'
    'gradcli explain "x * 2" --x 1,2,3 --seed 0.1,1,0.0001 --to markdown\n',
)

COMMANDS = {
    command.name: command for command in (EVAL, RUN, REPL, DIFF, EXPLAIN, JACOBIAN, HESSIAN, JVP, HVP, CHECKING, OPS)
}

DESCRIPTION = """\
gradcli: PyTorch's autograd at the shell prompt, without PyTorch.

usage: gradcli COMMAND ...     (gradcli alone: the prompt, or `run -` when input is piped)

"""

EXIT_STATUS = """\
Exit status: 0 fine; 1 the evaluation failed or a check did not hold; 2 usage or syntax; 124 out of time;
130 interrupted.
"""


def main_help() -> str:
    """What `gradcli --help` prints."""
    rows = [(command.name, command.summary) for command in COMMANDS.values()]
    rows += [("help COMMAND", "its options and examples")]
    options = [("-h, --help", "print this and exit"), ("-V, --version", "print the version and exit")]
    return (
        DESCRIPTION
        + "Commands:\n"
        + _table(rows)
        + "\nOptions:\n"
        + _table(options)
        + '\nTry: gradcli eval "mean(3*(x+2)**2)" --x "ones(2,2)"\n\n'
        + EXIT_STATUS
    )


def command_help(command: Command) -> str:
    """What `gradcli COMMAND --help` prints."""
    operand = f" {command.operand}" if command.operand else ""
    examples = "".join(f"  {line}\n" for line in command.examples.splitlines())
    variables = " [--NAME VALUE ...]" if command.binds else ""
    reserved = "\nReserved words, which --var NAME=VALUE binds as variables: " + _wrapped(RESERVED) + "\n"
    return (
        f"usage: gradcli {command.name}{operand}{variables} [options]\n\n{command.description}\n\n"
        + (f"{VALUES}\n" if command.binds else "")
        + f"Options (never abbreviated):\n{_table([(o.usage, o.help) for o in command.options])}\n"
        + f"Examples:\n{examples}"
        + (reserved if command.binds else "")
    )


def _table(rows: list[tuple[str, str]]) -> str:
    """Two columns; a long left one has the line for itself."""
    lines = []
    for left, right in rows:
        lines.append(f"  {left:<28}{right}\n" if len(left) < 28 else f"  {left}\n{'':30}{right}\n")
    return "".join(lines)


def _wrapped(words: tuple[str, ...]) -> str:
    half = len(words) // 2
    return " ".join(words[:half]) + "\n  " + " ".join(words[half:])
