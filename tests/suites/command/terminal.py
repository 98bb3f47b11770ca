"""Runs a command on a terminal of its own and types what stands in its first argument, parted by `|`: a line each time that
the terminal has shown what stands before `=>`, each word of it as often as it stands there. Prints all that was shown."""

import os
import pty
import select
import sys
import time

script, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    # As a shell begins a job with `&`: in a group of its own, which the terminal is not for.
    if 'IN_BACKGROUND' in os.environ and (job := os.fork()) != 0:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
    if 'IN_BACKGROUND' in os.environ:
        os.setpgid(0, 0)
    os.execvp(command[0], command)

shown = b''


def read_until(texts):
    """Reads until every word has been shown, as often as it occurs."""
    global shown
    end = time.monotonic() + 20
    while any(shown.count(text.encode()) < texts.count(text) for text in texts):
        assert select.select([terminal], [], [], max(0, end - time.monotonic()))[0], f'never {texts} in {shown!r}'
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            raise SystemExit(f'it ended before {texts}: {shown!r}')


for step in script.split('|'):
    awaited, _, typed = step.partition('=>')
    read_until(awaited.split())
    # What ends the input ends no line.
    os.write(terminal, typed.encode() + (b'' if typed.endswith('\x04') else b'\n'))
try:
    while piece := os.read(terminal, 4096):
        shown += piece
except OSError:
    pass
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
