"""Runs a command on a pseudo-terminal and prints the first URL of its output. When a line arrives on stdin, the terminal is
closed (SIGHUP). Exits with the command's status."""

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
