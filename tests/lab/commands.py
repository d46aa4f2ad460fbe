"""Short-lived commands: run one, and make its failure readable."""

import subprocess

from tests.lab.errors import LabError

DEFAULT_TIMEOUT = 120.0
"""Seconds; a command that needs longer says so."""


def run(
    *argv: object,
    check: bool = True,
    stdin: str | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
    env: dict[str, str] | None = None,
    cwd: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its text output.

    Raises:
        LabError: the program is missing, took too long, or (with check) failed.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            check=False,
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=env,
            cwd=cwd,
        )
    except FileNotFoundError as missing:
        raise LabError(f"{words[0]} is not installed: {missing}") from missing
    except subprocess.TimeoutExpired as late:
        raise LabError(f"took longer than {timeout} s: {' '.join(words)}") from late
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"failed ({done.returncode}): {' '.join(words)}\n{said}")
    return done
