# What the examples have in common: a home and a PATH of their own, which are removed at the end, and how they tell.
# Sourced, not run. SECRET=/usr/bin/secret takes that program; without it the program is built first.
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# ---------------------------------------------------------------------------------------------- how this script tells
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || step() { printf '\n%s\n' "$*"; }

run() { # shows a command and runs it
    printf '$ %s\n' "$*"
    "$@"
}

refused() { # refused CODE COMMAND…: the command must fail with this exit code and print no value
    local expected=$1 code=0 output
    shift
    printf '$ %s\n' "$*"
    output=$("$@" 2>"$world/stderr") || code=$?
    cat "$world/stderr"
    printf '(exit %s)\n' "$code"
    [ "$code" = "$expected" ] && [ -z "$output" ] || { echo "expected exit $expected and no output" >&2; exit 1; }
}

same() { # same FILE FILE: byte for byte
    cmp "$1" "$2" && echo "the same bytes as before"
}

# ------------------------------------------------------------------------------------------------------- a world apart
world=$(mktemp -d)
trap 'rm -rf "$world"' EXIT

if [ -z "${SECRET:-}" ]; then
    echo "building (the first time takes a few minutes) …"
    (cd "$source_folder" && cargo build --quiet --locked)
    target=$(cd "$source_folder" && cargo metadata --no-deps --offline --format-version 1 |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
    SECRET=$target/debug/secret
fi
mkdir "$world/bin"
ln -s "$(realpath "$SECRET")" "$world/bin/secret"

export PATH="$world/bin:$PATH" LANG=C.UTF-8
export GIT_CONFIG_SYSTEM=/dev/null GIT_CONFIG_GLOBAL=/dev/null
unset "${!SECRET@}" "${!SOPS_AGE@}" "${!XDG_@}" GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE VISUAL

as() { # as NAME: whose keys are at hand, and who commits
    export HOME="$world/$1" GIT_AUTHOR_NAME=$1 GIT_AUTHOR_EMAIL=$1@example.com
    export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
    mkdir -p "$HOME"
}
