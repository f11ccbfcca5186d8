"""Plays a person, and where needed a shell with job control, at a terminal of its own: SCENARIO PROGRAM ARGUMENT...

The program runs a child that says where it is. Everything waits for what is said or for what the system reports of a
process; nothing depends on how much time passes, but for the end of the whole. Prints what the scenario found.
"""

import os, pty, re, select, signal, sys, time

scenario, program = sys.argv[1], sys.argv[2:]
deadline = time.monotonic() + 60
shown = b""
seen = 0


def fail(message):
    sys.exit(f"{message}; the terminal has shown: {shown.decode(errors='replace')}")


def wait_for(pattern):
    """Reads the terminal until it shows something new, and returns that."""
    global shown, seen
    while True:
        found = re.compile(pattern.encode()).search(shown, seen)
        if found:
            seen = found.end()
            return found
        if time.monotonic() > deadline or not select.select([terminal], [], [], 60)[0]:
            fail(f"{pattern} is not shown")
        try:
            read = os.read(terminal, 65536)
        except OSError:
            read = b""
        if not read:
            fail(f"the terminal is closed before {pattern}")
        shown += read


def type_keys(keys):
    os.write(terminal, keys)


def end_of(pid):
    """Waits for the end of a process, and reads on meanwhile, so that it is not kept from writing."""
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if select.select([terminal], [], [], 0.01)[0]:
            try:
                os.read(terminal, 65536)
            except OSError:
                pass
    fail("it does not end")


def stop_of(pid):
    """Waits until a child has stopped."""
    ended, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        fail(f"it ended instead of stopping: {status}")


def stop_with(child, pid):
    """Stops the program's child until the program has stopped, too. When it has just been continued, it continues its
    child, which may undo a stop that came before."""
    while time.monotonic() < deadline:
        os.kill(child, signal.SIGSTOP)
        for _ in range(50):
            ended, status = os.waitpid(pid, os.WUNTRACED | os.WNOHANG)
            if ended:
                if not os.WIFSTOPPED(status):
                    fail(f"it ended instead of stopping: {status}")
                return
            time.sleep(0.01)
    fail("it does not stop")


def state(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0]


def become():
    """Becomes the program. No signal is ignored for it, as would be below nohup and in the background of a shell."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)
    os.execv(program[0], program)


def in_session():
    """Starts the program as the leader of the terminal's session."""
    global terminal
    pid, terminal = pty.fork()
    if pid == 0:
        become()
    return pid


def as_job():
    """Takes a terminal for this process and starts the program as a shell starts a job: in a foreground group."""
    global terminal
    terminal, other = pty.openpty()
    os.setsid()
    os.close(os.open(os.ttyname(other), os.O_RDWR))
    # Else this process, in the background, would be stopped where it hands the terminal on.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(other, os.getpgrp())
        for stream in range(3):
            os.dup2(other, stream)
        become()
    return pid, other


def foreground(pid, other):
    os.tcsetpgrp(other, pid)
    os.killpg(pid, signal.SIGCONT)


if scenario == "interrupt":
    pid = in_session()
    wait_for(r"ready \d+")
    type_keys(b"\x03")
    wait_for("SIGINT")
    # Sent to the program alone, and sent on behind whatever it may have sent on before.
    os.kill(pid, signal.SIGUSR1)
    print(wait_for(r"counted SIGINT=\d+ SIGUSR1=\d+").group().decode())
    type_keys(b"a line\n")
    print(wait_for("got a line").group().decode())
    print("code", end_of(pid))

elif scenario == "stop":
    pid, other = as_job()
    child = int(wait_for(r"ready (\d+)").group(1))
    type_keys(b"\x1a")
    stop_of(pid)
    print("after Ctrl-Z", state(pid), state(child))
    foreground(pid, other)
    type_keys(b"a line\n")
    print(wait_for("got a line").group().decode())
    print("code", end_of(pid))

elif scenario == "stop itself":
    pid, other = as_job()
    child = int(wait_for(r"ready (\d+)").group(1))
    for round in range(3):
        stop_with(child, pid)
        print("stopped", state(pid), state(child))
        if round == 2:
            # A shell's `kill -CONT %1`; before, its `fg`.
            os.kill(pid, signal.SIGCONT)
        else:
            foreground(pid, other)
        type_keys(b"a line\n")
        print(wait_for("got a line").group().decode())
    type_keys(b"\x04")
    print("code", end_of(pid))

elif scenario == "hang up":
    pid = in_session()
    wait_for(r"ready \d+")
    os.close(terminal)
    print("code", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

elif scenario == "break off":
    pid = in_session()
    wait_for("ready")
    type_keys(b"\x03")
    print("code", end_of(pid))
