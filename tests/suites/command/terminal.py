"""Runs a command on a pseudo-terminal and types lines into it. Prints the terminal's output.

The first argument is a list of steps separated by `|`. A step `WORDS=>LINE` types LINE once the output contains each of WORDS, as
often as it occurs in WORDS."""

import os
import pty
import select
import sys
import time

script, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    # As a shell starts a background job (`&`): in a process group that is not the terminal's foreground group.
    if 'IN_BACKGROUND' in os.environ and (job := os.fork()) != 0:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
    if 'IN_BACKGROUND' in os.environ:
        os.setpgid(0, 0)
    os.execvp(command[0], command)

shown = b''


def read_until(texts):
    """Reads until the output contains every word, as often as it occurs in `texts`."""
    global shown
    end = time.monotonic() + 20
    while any(shown.count(text.encode()) < texts.count(text) for text in texts):
        assert select.select([terminal], [], [], max(0, end - time.monotonic()))[0], f'expected {texts} within 20 s, found {shown!r}'
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            raise SystemExit(f'expected {texts}; the command ended with {shown!r}')


for step in script.split('|'):
    awaited, _, typed = step.partition('=>')
    read_until(awaited.split())
    # End of file (Ctrl-D) is typed without a line end.
    os.write(terminal, typed.encode() + (b'' if typed.endswith('\x04') else b'\n'))
try:
    while chunk := os.read(terminal, 4096):
        shown += chunk
except OSError:
    pass
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
