# SPDX-License-Identifier: Apache-2.0
"""``ektp-hw``: the commands gathered, and every failure turned into one sentence and a code."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import click

from ektp_hw import __version__
from ektp_hw.cli import (
    bench,
    capture,
    compare,
    console,
    demo,
    devices,
    doctor,
    evaluate,
    extract,
    fleet,
    gallery,
    journal,
    quality,
    record,
    udev,
    watch,
)
from ektp_hw.errors import EktpError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["commands", "main", "run"]

INPUT_ERROR = 2
OUR_MISTAKE = 70
INTERRUPTED = 130
BROKEN_PIPE = 141


class _InOurOrder(click.Group):
    """Lists the commands as they were added: the main job first."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(self.commands)


@click.group(
    cls=_InOurOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes of every command: 0 done, 1 the answer is no, 2 usage or input error "
    "(one sentence on stderr says which).",
)
@click.version_option(__version__, prog_name="ektp-hw", message="%(prog)s %(version)s")
@click.option(
    "--debug", is_flag=True, help="Show the log and where a failure arose, for a bug report."
)
def commands(debug: bool) -> None:
    """Capture devices, fingerprint recognition and diagnosis for identity-card stations.

    \b
    Begin with the main job, which needs no hardware:
      ektp-hw demo
    then look at what is plugged in, and at your own pictures:
      ektp-hw devices
      ektp-hw compare probe.png reference.png
    """
    log = logging.getLogger("ektp_hw")
    if debug:
        logging.basicConfig()
        log.setLevel(logging.DEBUG)
    elif not log.handlers:
        log.addHandler(logging.NullHandler())  # else Python prints warnings and tracebacks


for _command in (
    demo.demo,
    devices.devices,
    doctor.doctor,
    capture.capture,
    record.record,
    udev.udev,
    watch.watch,
    journal.journal,
    fleet.fleet,
    extract.extract,
    compare.compare,
    quality.quality,
    evaluate.evaluate,
    gallery.gallery,
    bench.bench,
):
    commands.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing but an answer escapes."""
    try:
        answer = commands.main(list(arguments), prog_name="ektp-hw", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        console.say(error.format_message())
        return 0
    except BrokenPipeError:
        # Whoever read our output has gone (``| head``); Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (click.Abort, KeyboardInterrupt):
        console.complain("interrupted")
        return INTERRUPTED
    except Exception as error:  # the last net: a citizen's queue sees no traceback
        if "--debug" in arguments:
            raise
        console.complain(_sentence(error))
        return INPUT_ERROR if isinstance(error, _EXPECTED) else OUR_MISTAKE
    return answer if isinstance(answer, int) else 0


_EXPECTED = (click.ClickException, EktpError, OSError, ValueError, MemoryError)
"""What wrong input, a missing device or a full machine raise."""


def main() -> None:
    """Entry point of the ``ektp-hw`` script."""
    sys.exit(run(sys.argv[1:]))


def _sentence(error: Exception) -> str:
    """Say in one sentence what went wrong."""
    match error:
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "ektp-hw"
            return f"{error.format_message().rstrip('.')}; see '{path} --help'"
        case click.ClickException():
            return error.format_message()
        case EktpError() | ValueError():
            return str(error)
        case OSError():
            what = error.strerror or str(error) or type(error).__name__
            return f"{error.filename or 'writing the output failed'}: {what}"
        case MemoryError():
            return "there is not enough memory for this; give fewer or smaller files"
        case _:
            first_line = str(error).partition("\n")[0]
            return (
                f"ektp-hw itself made a mistake ({type(error).__name__}: {first_line}); "
                "please report what 'ektp-hw --debug ...' prints"
            )


if __name__ == "__main__":
    main()
