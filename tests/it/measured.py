# Runs programs: each line of input is a list of arguments, each line of output the exit code, the processor time in
# seconds, the greatest memory in KiB, and what the program said on standard error. What it wrote is thrown away.
import json
import os
import subprocess
import sys
import tempfile

for line in sys.stdin:
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(json.loads(line), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        said.seek(0)
        stderr = said.read(4096).decode(errors="replace")
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps([code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, stderr]), flush=True)
