#!/usr/bin/env bash
# The main job, end to end, in a repository and a home that are removed at the end: two people and a deploy machine
# share secrets in git; a stranger and a forger are refused.
#
#   bash examples/quickstart.sh                     builds the program first
#   SECRET=/usr/bin/secret bash examples/quickstart.sh    uses this one
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"

# A scripted editor: what a person would do, without one.
cat >"$world/bin/editor" <<'EDITOR'
#!/bin/sh
for file; do :; done # the last argument
sed -i.before 's/pool: 10/pool: 25/' "$file" && rm "$file.before"
EDITOR
chmod +x "$world/bin/editor"
export EDITOR="$world/bin/editor"

mkdir "$world/repo"
cd "$world/repo"
git init --quiet --initial-branch=main

# ----------------------------------------------------------------------------------------------------------- the story
step "1. Alice sets the repository up. Bob and the deploy machine make keys and hand over their public halves."
as alice
run secret init --name alice
bob=$(as bob && secret keygen --quiet)
machine=$(as machine && secret keygen --quiet)
run secret member add bob "$bob" --group team
run secret member add deploy "$machine" --kind machine
cat >>.secret.toml <<'POLICY'

[[rules]]
path = "deploy/**"
readers = ["team", "deploy"]
owner = "team"
rotate_every = "90d"
POLICY
git add .secret.toml && git commit --quiet --message "Who reads what"

step "2. A YAML file and an env file are encrypted, value by value, each in its own format."
mkdir deploy
cat >deploy/db.yaml <<'YAML'
# The main database
db:
  host: "db.internal"   # reached from the cluster only
  port: 5432
  pool: 10
  password: 'correct horse battery staple'
YAML
cat >deploy/app.env <<'ENV'
export API_TOKEN="tok_4f1d9c"
LOG_LEVEL=info
ENV
cp -r deploy "$world/before"
run secret encrypt deploy/db.yaml deploy/app.env --yes --purpose "the web application"
cut -c1-72 deploy/app.env | sed -n '/secret\/v1 end/,$p'
git add deploy && git commit --quiet --message "Secrets of the web application"

step "3. Every byte comes back."
secret decrypt deploy/db.yaml >"$world/db.yaml"
secret decrypt deploy/app.env >"$world/app.env"
same "$world/before/db.yaml" "$world/db.yaml"
same "$world/before/app.env" "$world/app.env"

step "4. Bob edits one value, and one line of the file changes."
as bob
run secret edit deploy/db.yaml
git diff --stat -- deploy
git commit --quiet --all --message "A larger pool"
printf 'tok_8a2e77\n' | run secret set deploy/app.env API_TOKEN --stdin
git commit --quiet --all --message "A new token"
run secret info deploy/app.env

step "5. The machine decrypts at deploy time."
as machine
run secret decrypt deploy/db.yaml deploy/app.env --output-dir "$world/run"
grep pool "$world/run/deploy/db.yaml"
[ "$(secret get deploy/app.env API_TOKEN)" = tok_8a2e77 ] || { echo "the token is another" >&2; exit 1; }

step "6. Mallory can read the repository, and not a value in it."
as mallory
secret keygen --quiet >"$world/mallory.pub"
refused 4 secret decrypt deploy/db.yaml

step "7. What Mallory changes without the key is refused: here the names of two keys are swapped."
as machine
sed -i.before -e 's/^  port:/  swap:/' -e 's/^  pool:/  port:/' -e 's/^  swap:/  pool:/' deploy/db.yaml
rm deploy/db.yaml.before
refused 5 secret decrypt deploy/db.yaml
git checkout --quiet -- deploy/db.yaml

step "8. Mallory in the policy reads nothing either, until somebody who can read agrees."
as alice
run secret member add mallory "$(cat "$world/mallory.pub")" --group team
refused 1 secret rekey --yes
git checkout --quiet -- .secret.toml
run secret rekey --check

step "Done: $(git rev-list --count HEAD) commits, and no plaintext in any of them."
! git grep --quiet -e 'battery staple' -e tok_ $(git rev-list --all) || { echo "plaintext in git" >&2; exit 1; }
