"""``embcomp methods``: what there is, with every option."""

from __future__ import annotations

import click

from embcomp.cli.common import json_option, print_json
from embcomp.cli.compress import SEED
from embcomp.compressors.registry import compressor_classes


@click.command("methods")
@json_option
def command(as_json: bool) -> None:
    """List the compression methods and their options."""
    kinds = list(compressor_classes().values())
    if as_json:
        print_json(
            [
                {
                    "method": kind.name,
                    "summary": kind.summary,
                    "options": [
                        {
                            "option": _flag(option.name, option.flag),
                            "must_be": option.check.describe(),
                            "default": option.default,
                            "help": option.help,
                        }
                        for option in kind.options
                    ],
                }
                for kind in kinds
            ]
        )
        return
    for kind in kinds:
        click.echo(f"{kind.name}: {kind.summary}")
        for option in kind.options:
            click.echo(f"  {_flag(option.name, option.flag)}  {option.help}")
            click.echo(f"      {option.check.describe()}; default {option.default}")


def _flag(name: str, flag: str) -> str:
    return "--seed" if name == SEED else flag
