"""`python …` without the seconds in which Python starts and imports PyTorch.

The processes are forked from one that has everything imported (multiprocessing's fork server). Use `subprocess` where
the start itself, the interpreter's flags, or what a program imports are tested.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from multiprocessing import reduction
from pathlib import Path

# Elsewhere the fork server is not safe with the system's libraries, and each process imports everything itself.
CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
CONTEXT.set_forkserver_preload(
    ["app", "train", "torch._dynamo", "digits.explain.figures", "digits.explain.report", __name__]
)


class PythonProcess:
    """A process with the methods of `subprocess.Popen` that the tests call; its standard input is empty.

    command: the interpreter, then a script or -c with code, then arguments, all of them strings or paths.
    stdout, stderr: a file descriptor, subprocess.PIPE, or None for that of the tests.
    """

    def __init__(self, command, *, cwd=None, env=None, stdout=None, stderr=None, text=True):
        assert text
        assert command[0] == sys.executable
        self.stdout, out = open_output(stdout, 1)
        self.stderr, err = open_output(stderr, 2)
        arguments = [str(word) for word in command[1:]]
        self.process = CONTEXT.Process(
            target=run_python, args=(arguments, str(cwd or Path.cwd()), dict(env or os.environ), out, err)
        )
        self.process.start()
        self.pid = self.process.pid
        for output in (out, err):
            os.close(output.descriptor)

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self.process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.process.name, timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for file in (self.stdout, self.stderr):
            if file:
                file.close()
        self.wait()


class InheritedDescriptor:
    """A file descriptor that becomes one of the new process, an int, when it is passed to it as an argument."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __reduce__(self):
        return reduction.DupFd(self.descriptor).detach, ()


def open_output(file: int | None, standard: int):
    """Return the end of a pipe to read, or None, and the descriptor that the process writes to."""
    if file == subprocess.PIPE:
        read_end, write_end = os.pipe()
        return open(read_end), InheritedDescriptor(write_end)
    if file == subprocess.DEVNULL:
        return None, InheritedDescriptor(os.open(os.devnull, os.O_WRONLY))
    return None, InheritedDescriptor(os.dup(standard if file is None else file))


def run_python(arguments: list[str], cwd: str, environment: dict[str, str], out: int, err: int) -> None:
    """Become `python arguments`, in the new process."""
    for number, output in ((1, out), (2, err)):
        os.dup2(output, number)
        os.close(output)
    sys.stdout.reconfigure(line_buffering=False)  # as for a file or a pipe
    multiprocessing.set_start_method(None, force=True)  # the default, for the processes that this one starts
    tempfile.tempdir = None  # the folder that an import has found, before the environment was known
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    script, *others = arguments
    sys.argv = [script, *others] if script != "-c" else ["-c", *others[1:]]
    if script == "-c":
        exec(compile(others[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_path(str(Path(script).resolve()), run_name="__main__")


def run(*arguments, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess:
    """Run `python arguments` and return its exit status and output; `environment` has more variables."""
    command = [sys.executable, *arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        outputs = {"stdout": out.fileno(), "stderr": err.fileno()}
        with PythonProcess(command, cwd=cwd, env=os.environ | environment, **outputs) as process:
            process.wait()
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, out.read(), err.read())
