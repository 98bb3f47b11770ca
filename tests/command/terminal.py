"""Runs a command on a terminal of its own and types what stands in its first argument, parted by `|`: a line each time that
the terminal has shown what stands before `=>`. Prints all that it showed."""

import os
import pty
import sys
import time

script, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)

shown = b''


def read_until(text):
    global shown
    end = time.monotonic() + 20
    while text.encode() not in shown:
        assert time.monotonic() < end, f'never {text!r} in {shown!r}'
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            raise SystemExit(f'it ended before {text!r}: {shown!r}')


for step in script.split('|'):
    awaited, _, typed = step.partition('=>')
    read_until(awaited)
    os.write(terminal, typed.encode() + b'\n')
try:
    while piece := os.read(terminal, 4096):
        shown += piece
except OSError:
    pass
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
