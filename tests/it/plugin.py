#!/usr/bin/env python3
"""An age plugin for tests, of both state machines; its wrap is a toy: XOR with a hash of the shared key and a nonce.

Its recipients and identities hold the same 16 bytes. It notes each start in $TOY_LOG, and misbehaves as $TOY_MODE says.
"""

import base64, hashlib, os, sys

MODE = os.environ.get("TOY_MODE", "")
SYMBOLS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def encode(data):
    return base64.b64encode(data).decode().rstrip("=")


def decode(text):
    return base64.b64decode(text + "=" * (-len(text) % 4))


def key_of(text):  # bech32 without its checksum
    values = [SYMBOLS.index(symbol) for symbol in text.lower().rpartition("1")[2][:-6]]
    bits = "".join(f"{value:05b}" for value in values)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def xor(key, nonce, text):
    return bytes(a ^ b for a, b in zip(text, hashlib.sha256(key + nonce).digest()))


def write(kind, *arguments, body=b""):
    lines = encode(body)
    lines = [lines[at : at + 64] for at in range(0, len(lines), 64)]
    if not lines or len(lines[-1]) == 64:
        lines.append("")
    sys.stdout.write("\n".join([" ".join(["->", kind, *arguments]), *lines]) + "\n")
    sys.stdout.flush()


def read():
    kind, *arguments = sys.stdin.readline().split()[1:]
    body = ""
    while True:
        line = sys.stdin.readline().rstrip("\n")
        body += line
        if len(line) < 64:
            return kind, arguments, decode(body)


def ask(*command, body=b""):
    write(*command, body=body)
    return read()


def phase():
    commands = []
    while (command := read())[0] != "done":
        commands.append(command)
    return commands


def bodies(commands, kind):
    return [body for name, _, body in commands if name == kind]


def first_arguments(commands, kind):
    return [arguments[0] for name, arguments, _ in commands if name == kind]


def raw(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def fail(text):
    ask("error", "internal", body=text)
    write("done")
    sys.exit(0)


def misbehave():
    if MODE == "garbage":
        raw("hello, I am a plugin\n\x1b]0;pwned\x07\n")
    elif MODE == "binary":
        sys.stdout.buffer.write(bytes(range(256)) * 4)
        sys.stdout.flush()
    elif MODE == "endless-line":
        while True:
            raw("x" * 65536)
    elif MODE == "endless-lines":
        raw("-> msg\n")
        while True:
            raw("A" * 64 + "\n")
    elif MODE == "endless-messages":
        while True:
            write("msg", body=b"x" * 1000)
    elif MODE == "endless-unknown":
        while True:
            write("grease", "a", "b")
    elif MODE == "long-arguments":
        raw("-> recipient-stanza 0 " + "x" * 9000 + "\n\n")
    elif MODE == "no-words":
        raw("-> \n\n")
    elif MODE == "two-blanks":
        raw("-> msg  x\n\n")
    elif MODE == "spare-bits":
        raw("-> msg\nAB\n")
    elif MODE == "padding":
        raw("-> msg\nAA==\n")
    elif MODE == "long-line":
        raw("-> msg\n" + "A" * 68 + "\n")
    elif MODE == "exits":
        sys.exit(0)
    elif MODE == "exits-with-failure":
        sys.exit(9)
    elif MODE == "half-a-command":
        raw("-> msg")
        sys.exit(0)
    elif MODE == "confirm":
        answer = ask("confirm", encode(b"Do it"), encode(b"Leave it"), body=b"Touch\x1b[31m it?")
        raw_answer = answer[0] == "ok" and answer[1] == ["yes"]
        if not raw_answer:
            fail(b"the answer was no")
    elif MODE == "confirm-badly":
        ask("confirm", "!", body=b"Touch it?")
    elif MODE == "secret":
        if ask("request-secret", body=b"PIN please")[2] != b"1234":
            fail(b"wrong PIN")
    elif MODE == "public":
        if ask("request-public", body=b"Your slot")[2] != b"9a":
            fail(b"wrong slot")
    elif MODE == "message":
        ask("msg", body="touch\x1b[31m\n\u202eme".encode())
    elif MODE == "unknown":
        assert ask("time-travel", "x", body=b"y")[0] == "unsupported"
    elif MODE == "error":
        fail(b"the token is gone\x1b[31m\nerror: no")


def wrap():
    commands = phase()
    misbehave()
    (file_key,) = bodies(commands, "wrap-file-key")
    if MODE == "labels":
        ask("labels", "postquantum")
    if MODE == "labels-twice":
        ask("labels", "a")
        ask("labels", "b")
    if MODE == "label-twice":
        ask("labels", "a", "a")
    for recipient in first_arguments(commands, "add-recipient"):
        key, nonce = key_of(recipient), os.urandom(8)
        stanza = [os.environ.get("TOY_TAG", "toy"), hashlib.sha256(key).hexdigest()[:8], encode(nonce)]
        body = xor(key, nonce, file_key)
        if MODE == "huge-stanza":
            body = b"x" * 20000
        index = {"wrong-file": "1", "negative-file": "-1", "plus-file": "+0", "no-file": "x"}.get(MODE, "0")
        if MODE == "no-arguments":
            ask("recipient-stanza")
        elif MODE != "no-stanza":
            ask("recipient-stanza", index, *stanza, body=body)
        if MODE == "two-stanzas":
            ask("recipient-stanza", index, *stanza, body=body)


def unwrap():
    commands = phase()
    misbehave()
    keys = [key_of(identity) for identity in first_arguments(commands, "add-identity")]
    for kind, arguments, body in commands:
        if kind != "recipient-stanza" or arguments[1] != "toy":
            continue
        for key in keys:
            if hashlib.sha256(key).hexdigest()[:8] == arguments[2]:
                file_key = xor(key, decode(arguments[3]), body)
                if MODE == "other-key":
                    file_key = bytes(16)
                if MODE == "short-key":
                    file_key = file_key[:15]
                if MODE == "long-key":
                    file_key += b"x"
                ask("file-key", {"key-of-wrong-file": "1"}.get(MODE, "0"), body=file_key)
                if MODE == "two-keys":
                    ask("file-key", "0", body=file_key)


with open(os.environ.get("TOY_LOG", os.devnull), "a") as log:
    identities = [name for name in os.environ if "IDENTITY" in name or "SOPS_AGE" in name or name == "AGEDEBUG"]
    log.write(f"{sys.argv[1]} in {os.getcwd()} with {identities}\n")
if sys.argv[1] == "--age-plugin=recipient-v1":
    wrap()
elif sys.argv[1] == "--age-plugin=identity-v1":
    unwrap()
else:
    sys.exit("called in another way")
write("done")
sys.exit(3 if MODE == "fails-after-done" else 0)
