"""Runs a program at a terminal of its own, as a person does who watches the screen: WAIT ACTION ... -- PROGRAM ARGUMENT...

When the text WAIT has been shown since the last action, ACTION follows: `type:KEYS`, or `kill:NAME`, which ends the
program of that name (SIGKILL) among all that were started here; the terminal then goes away, as with a closed window.
"""

import os, pty, select, signal, sys, time


def descendants(root):
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                text = open(f"/proc/{entry}/stat").read()
            except OSError:  # it has ended
                continue
            names[int(entry)] = text[text.index("(") + 1 : text.rindex(")")]
            parents[int(entry)] = int(text[text.rindex(")") + 1 :].split()[1])
    found = {root}
    while more := {process for process, parent in parents.items() if parent in found} - found:
        found |= more
    return {process: names.get(process, "") for process in found}


def is_running(process):
    try:
        return open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


split = sys.argv.index("--")
actions, program = sys.argv[1:split], sys.argv[split + 1 :]
deadline = time.monotonic() + 120
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
shown, started, killed = b"", {}, False
while time.monotonic() < deadline:
    if select.select([terminal], [], [], 0.02)[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the program has closed the terminal
            break
        if not read:
            break
        shown += read
    if actions and actions[0].encode() in shown:
        kind, _, what = actions[1].partition(":")
        actions = actions[2:]
        if kind == "type":
            shown = b""
            os.write(terminal, what.encode())
            continue
        started = descendants(pid)
        named = [process for process, name in started.items() if name == what]
        if not named:
            sys.exit(f"no {what} among {started}")
        for process in named:
            os.kill(process, signal.SIGKILL)
        if what == "secret":
            killed = True
            break
else:
    for process in descendants(pid):
        os.kill(process, signal.SIGKILL)
    sys.exit("the program waits for ever; it has shown: " + shown.decode(errors="replace"))
if actions:
    sys.exit(f"it ended before {actions}; it has shown: " + shown.decode(errors="replace"))
os.close(terminal)
# What a hung-up terminal does not end is ended.
patience = time.monotonic() + 5
while killed and any(is_running(process) for process in started if process != pid):
    if time.monotonic() > patience:
        for process in started:
            if is_running(process):
                os.kill(process, signal.SIGKILL)
    time.sleep(0.02)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
