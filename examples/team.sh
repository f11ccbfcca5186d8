#!/usr/bin/env bash
# Two people, two clones and a bare remote: branches with different values merge with stock git, neighbours with our
# merge driver, a true conflict is settled, and plaintext is stopped by the hook, or at the latest by CI.
#
#   bash examples/team.sh                     builds the program first
#   SECRET=/usr/bin/secret bash examples/team.sh    uses this one
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

at() { # at NAME: in this person's clone, with this person's keys
    as "$1"
    cd "$world/$1/repo"
}

sync() { git fetch --quiet && git merge --quiet --ff-only origin/main; }

change() { # change KEY VALUE MESSAGE: one value, one commit
    printf '%s' "$2" | run secret set secrets/db.yaml "$1" --stdin
    git commit --quiet --all --message "$3"
}

stops() { # stops CODE COMMAND…: the command must end with this exit code, and show no value
    local expected=$1 code=0
    shift
    printf '$ %s\n' "$*"
    "$@" >"$world/shown" 2>&1 || code=$?
    cat "$world/shown"
    printf '(exit %s)\n' "$code"
    [ "$code" = "$expected" ] && ! grep --quiet canary "$world/shown" || { echo "expected exit $expected" >&2; exit 1; }
}

reads() { # reads KEY VALUE
    local value
    printf '$ secret get secrets/db.yaml %s\n' "$1"
    value=$(secret get secrets/db.yaml "$1")
    printf '%s\n' "$value"
    [ "$value" = "$2" ] || { echo "expected $2" >&2; exit 1; }
}

# ----------------------------------------------------------------------------------------------------------- the story
step "1. Alice starts a repository, and lets Bob read."
git init --quiet --bare --initial-branch=main "$world/remote.git"
as bob
bob=$(secret keygen --quiet)
as alice
git clone --quiet "$world/remote.git" "$world/alice/repo" 2>/dev/null
at alice
run secret init --name alice
run secret member add bob "$bob" --group team
mkdir secrets
cat >secrets/db.yaml <<'YAML'
db:
  host: canary-host
  port: 5432
  user: canary-user
  password: canary-password
  pool: 10
  timeout: 30
cache:
  url: canary-url
  token: canary-token
YAML
run secret encrypt secrets/db.yaml
git add . && git commit --quiet --message "The database" && git push --quiet origin main

step "2. Bob clones it. Nothing is set up there: his git knows nothing of secret. He changes a value on a branch."
git clone --quiet "$world/remote.git" "$world/bob/repo"
at bob
[ -z "$(git config --get-regexp '^(merge|diff)[.]secret')" ]
git switch --quiet --create rotate-cache
change cache.token canary-token-of-bob "A new token"

step "3. Meanwhile Alice changes another one. Stock git merges the two, and the result opens."
at alice
change db.host canary-host-of-alice "Another host"
git push --quiet origin main
at bob
git fetch --quiet
run git merge --quiet --no-edit origin/main
reads cache.token canary-token-of-bob
reads db.host canary-host-of-alice
run secret diff origin/main HEAD
git switch --quiet main && git merge --quiet --ff-only rotate-cache && git push --quiet origin main

step "4. Both add a key at one place: stock git cannot merge that, the driver that init has set up at Alice's can."
at alice
sync
at bob
change db.role canary-role "A role"
git push --quiet origin main
at alice
change db.schema canary-schema "A schema"
git fetch --quiet
stops 1 git -c merge.secret.driver="git merge-file --quiet %A %O %B" merge --quiet --no-edit origin/main
git merge --abort
run git merge --quiet --no-edit origin/main
reads db.role canary-role
reads db.schema canary-schema
git push --quiet origin main

step "5. Both change one value. The driver leaves that conflict, in ciphertext, and Bob settles it by key."
at bob
run secret git install
sync
at alice
change db.password canary-password-of-alice "A new password"
git push --quiet origin main
at bob
change db.password canary-password-of-bob "Another password"
git fetch --quiet
stops 1 git merge --quiet --no-edit origin/main
sed -n '/^<<<<<<</,/^>>>>>>>/p' secrets/db.yaml | cut -c 1-60
run secret resolve secrets/db.yaml --list
run secret resolve secrets/db.yaml --theirs db.password
git commit --quiet --all --message "Merge: the password of Alice"
reads db.password canary-password-of-alice
git push --quiet origin main
run secret log secrets/db.yaml db.password

step "6. So far no object of git, in any clone, has a value in plaintext."
for repository in "$world"/remote.git "$world"/*/repo/.git; do
    git -C "$repository" cat-file --batch-all-objects --batch --unordered >"$world/objects"
    grep --text --count secret-v1 "$world/objects" >"$world/count"
    ! grep --text --quiet canary- "$world/objects" || { echo "plaintext in $repository" >&2; exit 1; }
done

step "7. A file is forgotten in plaintext. The hook stops the commit."
git switch --quiet --create mail
printf 'MAIL_PASSWORD=canary-mail\n' >secrets/mail.env
git add secrets/mail.env
stops 1 git commit --quiet --message "Mail"

step "8. Bob forces it past the hook. CI has no key, and stops it."
run git commit --quiet --no-verify --message "Mail"
git push --quiet origin mail
git clone --quiet --branch mail "$world/remote.git" "$world/ci/repo"
at ci
stops 3 secret verify --base origin/main

step "Done: $(git rev-list --count origin/main) commits on main."
