"""The command ``embcomp``: which commands there are, and how they end.

Exit codes: 0 done; 1 checked, and the answer is no; 2 usage or parameter; 3 input or output file; 4 container
refused; 70 a bug, with its traceback; 130 interrupted (143 terminated).
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from embcomp import __version__
from embcomp.cli import EXIT_INTERRUPTED, leave
from embcomp.cli.text import set_up_streams, visible
from embcomp.errors import EmbcompError, MemoryLimitError, OutputError, PluginWarning, UnknownTextWarning

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "compress": "Compress an embedding file into one .embc file.",
    "fit": "Learn from a source what its parts are encoded with.",
    "encode": "Encode parts of a source, on as many machines as there are.",
    "merge": "Put encoded parts together.",
    "compact": "Put the files of a collection together, or into more of them.",
    "decompress": "Write the vectors of an .embc file in another format.",
    "convert": "Write an embedding file in another format, without compressing.",
    "info": "Say what is inside an .embc file.",
    "verify": "Check every byte of an .embc file.",
    "vector": "Print the vectors of words.",
    "embed": "Print the vectors of texts.",
    "similar": "Print the words nearest to words.",
    "analogy": "Print the words that complete analogies.",
    "codes": "Print the symbols of words and the words that share them.",
    "add": "Encode more words as those of an .embc file were.",
    "eval": "Score embeddings on word similarity and categorization.",
    "diff": "Compare two files: words, neighbours, scores.",
    "compare": "Compress with several methods and put size and quality in one table.",
    "page": "Write a page that shows an .embc file in a browser.",
    "methods": "List the compression methods and their options.",
    "sample": "Write a small real GloVe file to try things on.",
}

EXIT_BUG = 70
EXIT_TERMINATED = 143


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is run or its help is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the table."""
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; of an unknown name, say what it is near to."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches  # takes as long as all the rest

            near = get_close_matches(args[0], COMMANDS, n=2)
            if near:
                ctx.fail(f"there is no command {args[0]!r}; did you mean {' or '.join(near)}?")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands without importing them, or options."""
        from click.shell_completion import CompletionItem

        commands = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"embcomp.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a reader downstream that has had enough is not an error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_stdout()
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.option("--verbose", is_flag=True, help="With --version: what a report of a bug should say, too.")
@click.pass_context
def group(context: click.Context, version: bool, verbose: bool) -> None:
    """Compress pretrained word embeddings into one small file that is usable as it is."""
    if verbose and not version:
        raise click.UsageError("--verbose is for --version, or comes after a command")
    if version:
        _print_version(verbose=verbose)
        context.exit()
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(click.UsageError.exit_code)


def _print_version(*, verbose: bool) -> None:
    click.echo(f"embcomp, version {__version__}")
    if verbose:
        from embcomp.cli.versions import lines

        for line in lines():
            click.echo(visible(line))


def run(arguments: list[str] | None = None, command: click.Command = group, name: str = "embcomp") -> NoReturn:
    """Run the command line, or another one of that ``name``, and exit. The one place that catches everything."""
    try:
        code = _flushed(_outcome(arguments, command, name))
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, leave)  # waiting threads would end in a traceback
    except KeyboardInterrupt:  # all is done, or this is the second one
        os._exit(EXIT_INTERRUPTED)
    except MemoryError:  # there was none to say so
        code = MemoryLimitError.exit_code
    sys.exit(code)


def _flushed(code: int) -> int:
    """Find out about a closed pipe here and not at interpreter exit; return the exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
    except OSError as error:
        _drop_stdout()
        return _complain(f"standard output: {error.strerror}", OutputError.exit_code)
    return code


def _outcome(arguments: list[str] | None, command: click.Command, name: str) -> int:
    """Run the command line; return its exit code, having said what went wrong."""
    try:
        set_up_streams()
        signal.signal(signal.SIGTERM, _terminate)
        with warnings.catch_warnings():
            warnings.simplefilter("default", PluginWarning)
            warnings.simplefilter("default", UnknownTextWarning)
            warnings.showwarning = _show_warning
            code = command.main(args=arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.MissingParameter as error:
        message = error.format_message().rstrip(".")
        path = "" if error.ctx is None else error.ctx.command_path
        code = _complain(f"{_command_of(error)}{message}; {path} --help shows examples", error.exit_code)
    except click.ClickException as error:
        code = _complain(f"{_command_of(error)}{error.format_message()}", error.exit_code)
    except EmbcompError as error:
        code = _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        code = _complain("interrupted", EXIT_INTERRUPTED)
    except MemoryError as error:
        code = _complain(f"there is not enough memory: {error}".removesuffix(": "), MemoryLimitError.exit_code)
    except OSError as error:  # files that are read or written have errors of their own
        _drop_stdout()
        code = _complain(f"{error.filename or 'standard output'}: {error.strerror}", OutputError.exit_code)
    except Exception:
        traceback.print_exc()
        code = _complain("this is a bug; please report it with the lines above", EXIT_BUG)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    one_line = " ".join(message.split("\n"))
    click.echo(f"embcomp: {visible(one_line)}", err=True)
    return code


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    _complain(f"warning: {message}", 0)


def _command_of(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.info_name}: " if context is not None and context.parent is not None else ""


def _drop_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain about the closed pipe."""
    with suppress(OSError):  # too many open files
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminate(number: int, frame: Any) -> NoReturn:
    """Unwind on SIGTERM, so that no temporary file is left."""
    sys.exit(EXIT_TERMINATED)
