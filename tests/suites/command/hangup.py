"""Runs a command on a terminal of its own and prints the first URL that it shows there. Once a line comes on stdin the
terminal hangs up. Exits as the command does."""

import os
import pty
import re
import sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown = b''
while not (found := re.search(rb'http://\S+/', shown)):
    shown += os.read(terminal, 4096)
print(found[0].decode(), flush=True)
sys.stdin.readline()
os.close(terminal)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
