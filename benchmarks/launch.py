"""Run one command and write "exit-status seconds cpu-seconds peak-bytes" to a file. Usage: RESULT STDOUT COMMAND …

A process of its own, and a bare one (python -I -S), because Linux counts the memory of the process that starts a
command towards the command's peak.
"""

import os
import sys
import time

result, output, *command = sys.argv[1:]
stdout = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
begun = time.perf_counter()
pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, stdout, 1)])
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - begun
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
with open(result, "w") as file:  # noqa: PTH123 (pathlib alone would double this process)
    file.write(f"{os.waitstatus_to_exitcode(status)} {seconds} {usage.ru_utime + usage.ru_stime} {peak}")
