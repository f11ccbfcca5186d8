"""Reads what `secret export` writes with other programs: JSON on standard input, and on standard output.

In: a list of [READER, TEXT]. Out: for each what the reader makes of it, or {"error": MESSAGE}.
"""

import base64, io, json, os, shutil, subprocess, sys, tempfile, tomllib

import dotenv, ruamel.yaml, yaml


def typed(value):
    """Says of dates and numbers that are none what they are: JSON has no types for them."""
    if isinstance(value, dict):
        return {str(key) if isinstance(key, str) else f"{type(key).__name__} {key}": typed(v) for key, v in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    return f"{type(value).__name__} {value}"


def secret(text):
    manifest = yaml.safe_load(text)
    manifest["data"] = {key: base64.b64decode(value, validate=True).decode() for key, value in manifest["data"].items()}
    return manifest


def with_shell(shell, script, text):
    """Returns the variables that a shell has after the text, of those that do not stand in its environment before."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "text")
        with open(path, "wb") as file:
            file.write(text.encode())
        run = subprocess.run(
            [shutil.which(shell), "-c", script + "\n/usr/bin/env -0", path],
            cwd=folder, env={"PATH": "/nonexistent"}, capture_output=True, check=True,
        )
        assert not run.stderr, run.stderr
        assert os.listdir(folder) == ["text"], "a value ran something"
    pairs = (pair.split("=", 1) for pair in run.stdout.decode().split("\0")[:-1])
    return {name: value for name, value in pairs if name not in ("PATH", "PWD", "OLDPWD", "SHLVL", "_")}



def node(text):
    """Reads with node's own dotenv reader, which node 20.12 and later have."""
    program = "process.stdout.write(JSON.stringify(require('util').parseEnv(require('fs').readFileSync(0, 'utf8'))))"
    run = shutil.which("node") and subprocess.run(["node", "-e", program], input=text.encode(), capture_output=True)
    return json.loads(run.stdout) if run and run.returncode == 0 else {"skipped": True}


READERS = {
    "bash": lambda text: with_shell("bash", '. "$0"', text),
    "bash eval": lambda text: with_shell("bash", 'eval "$(/bin/cat "$0")"', text),
    "bash dotenv": lambda text: with_shell("bash", 'set -a; . "$0"', text),
    "json": json.loads,
    "kubernetes": secret,
    "node": node,
    "python-dotenv": lambda text: dict(dotenv.dotenv_values(stream=io.StringIO(text))),
    "sh": lambda text: with_shell("sh", '. "$0"', text),
    "sh eval": lambda text: with_shell("sh", 'eval "$(/bin/cat "$0")"', text),
    "sh dotenv": lambda text: with_shell("sh", 'set -a; . "$0"', text),
    "tomllib": tomllib.loads,
    "yaml 1.1": yaml.safe_load,
    "yaml 1.2": lambda text: ruamel.yaml.YAML(typ="safe", pure=True).load(text),
}

answers = []
for reader, text in json.load(sys.stdin):
    try:
        answers.append(typed(READERS[reader](text)))
    except Exception as error:
        answers.append({"error": f"{reader}: {type(error).__name__}: {error}"})
json.dump(answers, sys.stdout)
