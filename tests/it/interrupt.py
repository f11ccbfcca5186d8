"""Presses a key while a program asks for a secret, and tells how it ended and in which state the terminal is.

KEY PROGRAM ARGUMENT...
"""

import fcntl, os, pty, select, sys, termios, time

key, program = sys.argv[1], sys.argv[2:]
master, terminal = pty.openpty()
before = termios.tcgetattr(terminal)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for stream in range(3):
        os.dup2(terminal, stream)
    os.execv(program[0], program)
deadline = time.monotonic() + 60
while time.monotonic() < deadline and termios.tcgetattr(terminal)[3] & termios.ECHO:
    select.select([master], [], [], 0.01)
asked = termios.tcgetattr(terminal)[3] & termios.ECHO == 0
# Half a secret first: it must not show, nor be left for the shell.
os.write(master, b"half a canary" + key.encode())
while time.monotonic() < deadline:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        break
    select.select([master], [], [], 0.01)
else:
    os.kill(pid, 9)
    sys.exit("the program waits for ever")
shown = ""
# What the program wrote last may take a moment to come out of the terminal.
while not shown.endswith("\n") and time.monotonic() < deadline:
    if select.select([master], [], [], 0.01)[0]:
        shown += os.read(master, 65536).decode()
left = bool(select.select([terminal], [], [], 0)[0])
same = termios.tcgetattr(terminal) == before
print(f"asked: {asked}, ended: {os.waitstatus_to_exitcode(status)}, same modes: {same}, input left: {left}")
print(shown.replace("\r\n", "\n"), end="")
