"""Runs a program at a terminal of its own: PROMPT ANSWER ... -- PROGRAM ARGUMENT...

When PROMPT has been shown and the program waits for it without echo, ANSWER is typed. What stands in it before `!!` is a
shell command that is run first.
"""

import os, pty, select, subprocess, sys, termios, time

split = sys.argv.index("--")
answers, program = sys.argv[1:split], sys.argv[split + 1 :]
deadline = time.monotonic() + 60
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program[0], program)
shown, seen = b"", 0
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.02)[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the program has closed the terminal
            break
        if not read:
            break
        shown += read
    at = shown.find(answers[0].encode(), seen) if answers else -1
    modes = termios.tcgetattr(terminal)[3] if at >= 0 else termios.ECHO | termios.ICANON
    if not modes & termios.ECHO or not modes & termios.ICANON:
        seen = len(shown)
        *meanwhile, answer = answers[1].split("!!")
        for command in meanwhile:
            subprocess.run(command, shell=True, check=True)
        os.write(terminal, answer.encode())
        answers = answers[2:]
else:
    os.kill(pid, 9)
    sys.stderr.write("the program waits for ever; it has shown: " + shown.decode())
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
