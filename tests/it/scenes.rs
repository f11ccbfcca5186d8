//! Every command, done well and done badly, in a world full of canaries: what other tests watch from outside.
//!
//! A new command gets a line in [`scenes`]; a test in `leaks.rs` demands it.

use std::fs;

use crate::canary::Canaries;
use crate::world::{World, run};

/// A world whose every secret is a canary, and what the secrets are.
pub struct Stage {
    pub world: World,
    pub canaries: Canaries,
    /// A value that stands in every file.
    pub value: String,
    /// A value that stands in no file yet.
    pub new: String,
    /// The secret key of somebody who reads nothing.
    pub stranger: String,
}

/// One command with all that belongs to it. The methods say in which way it is not a plain success.
pub struct Scene {
    /// The words of the command: `member add`.
    pub command: &'static str,
    pub arguments: Vec<String>,
    pub stdin: String,
    pub variables: Vec<(String, String)>,
    pub code: i32,
    /// Whether values go to stdout, as they were asked for.
    pub hands_out: bool,
    /// The files, from the world's folder, in which plaintext stands afterwards: inputs, and what was asked for.
    pub plaintext_in: Vec<String>,
    /// The programs that the user asked to run, by name.
    pub starts: Vec<&'static str>,
    editor: Option<String>,
    prepare: Vec<Preparation>,
}

type Preparation = Box<dyn Fn(&World) + Sync>;

/// Returns the scenes; each is played on a copy of the stage.
pub fn scenes(stage: &Stage) -> Vec<Scene> {
    let large = format!("\0{}\n", stage.new).repeat(40_000);
    let mut scenes = vec![
        scene("decrypt", &[YAML]).hands_out(),
        scene("decrypt", &[BLOB]).hands_out(),
        scene("decrypt", &[YAML, "-o", "out.yaml"]).leaves("repo/out.yaml"),
        scene("decrypt", &[YAML, ENV, "--output-dir", "../out"])
            .leaves("out/secrets/db.yaml")
            .leaves("out/secrets/app.env"),
        scene("decrypt", &["--in-place", TOML, INI]).leaves("repo/secrets/app.toml").leaves("repo/secrets/app.ini"),
        scene("diff", &[]).replace(YAML, "  port: secret", "  part: secret").fails(5),
        scene("diff", &["HEAD~3", "HEAD", "--format", "markdown"]),
        scene("diff", &["HEAD", "--show"]).unset(YAML, "db.password").hands_out(),
        scene("diff", &["HEAD", "--", PLAIN]).write(PLAIN, &format!("a: {}\n", stage.new)).keeps(PLAIN),
        scene("drill", &[]),
        scene("drill", &["--as", "../home/.config/secret/identities.txt", "--json"]),
        scene("edit", &[YAML]).editor("sed -i s/5432/5433/ \"$1\"").starts("sed"),
        scene("edit", &[JSON, "--from", "new.json"]).input("new.json", &format!("{{\"token\": \"{}\"}}\n", stage.new)),
        scene("encrypt", &["secrets/new.yaml"]).write("secrets/new.yaml", &format!("a: {}\n", stage.new)),
        scene("encrypt", &["new.env", "-o", "secrets/new.env"]).input("new.env", &format!("A={}\n", stage.new)),
        scene("encrypt", &["-", "--path", "secrets/new.toml"]).stdin(&format!("a = \"{}\"\n", stage.new)),
        // More than is held in memory.
        scene("encrypt", &["secrets/large.bin"]).write("secrets/large.bin", &large),
        scene("encrypt", &["-", "--path", "secrets/large.bin"]).stdin(&large),
        scene("encrypt", &["secrets/new.bin"]).write("secrets/new.bin", &format!("\0{}", stage.new)),
        scene("get", &[YAML, "db.password"]).hands_out(),
        scene("get", &[YAML, "db", "--json"]).hands_out(),
        scene("get", &[ENV, "TOKEN"]).hands_out(),
        scene("info", &[YAML]),
        scene("info", &[JSON, "--json"]),
        scene("init", &[]).starts("git"),
        scene("init", &["--no-git"]),
        scene("keygen", &["-o", "../home/other.key"]),
        scene("log", &[YAML]),
        scene("log", &[YAML, "db.password", "--json"]),
        scene("ls", &[]),
        scene("ls", &[YAML, "--json"]),
        scene("approve", &["approve", "carol", "--group", "team", "--yes", "--rekey"]).write(
            ".secret.requests/carol.toml",
            &format!("version = 1\nname = \"carol\"\nrecipients = [\"{CAROL}\"]\n"),
        ),
        scene("meta", &[YAML, "--owner", "ops", "--tag", "tier=1"]),
        scene("meta", &[YAML, "db.password", "--owner", "ops", "--generate", "password:32"]),
        scene("mv", &[YAML, "secrets/main/db.yaml"]),
        scene("rekey", &["--new-key", "--yes"]),
        scene("rekey", &["--check"]),
        scene("resolve", &[YAML, "--all-ours"]).versions("db.user", "db.user", &stage.new).conflicted(),
        scene("resolve", &[YAML, "--stdin", "db.user"])
            .versions("db.user", "db.user", &stage.new)
            .conflicted()
            .stdin(&stage.new),
        scene("rollback", &[&format!("{YAML}@HEAD"), "db.password"]).unset(YAML, "db.password"),
        scene("rollback", &[&format!("{BLOB}@HEAD")]),
        scene("rotate", &[YAML, "db.password", "--stdin"]).stdin(&stage.new),
        scene("rotate", &[YAML, "db.password", "--begin", "--stdin", "--json"]).stdin(&stage.new),
        scene("rotate", &[ENV, "TOKEN", "--generate", "words:6", "--keep-recipe"]),
        scene("rotate", &[TOML, "db.token", "--exec", "rev"]).starts("rev"),
        scene("rotate", &[JSON, "token", "--stdin", "--test", "cat"]).stdin(&stage.new).starts("cat"),
        scene("show", &[&format!("{YAML}@HEAD~1"), "db.password"]).hands_out(),
        scene("show", &[&format!("{BLOB}@HEAD")]).hands_out(),
        scene("set", &[YAML, "db.password", "--stdin"]).stdin(&stage.new),
        scene("set", &[JSON, "token", "--stdin", "--json"]).stdin(&format!("[\"{}\", 1]", stage.new)),
        scene("set", &[ENV, "KEY", "--from-file", "key.pem"]).input("key.pem", &stage.new),
        scene("status", &[]),
        scene("status", &["--format", "markdown"]),
        scene("status", &["--format", "html"]),
        scene("status", &["--json", "-o", "status.json"]),
        scene("unset", &[TOML, "db.token"]),
        scene("verify", &[]),
        scene("verify", &["--staged", "--json"]),
        scene("verify", &["--rev", "HEAD", "--format", "sarif"]),
        scene("verify", &["--base", "HEAD~2", "--format", "junit"]),
        scene("whoami", &["--json"]),
        scene("completions", &["bash"]),
        scene("doctor", &["--json"]).starts("git"),
        scene("exec", &["-f", YAML, "--", "true"]).starts("true"),
        scene("exec", &["-f", ENV, "--clean-env", "--", "true"]).starts("true"),
        scene("export", &[ENV, "--format", "shell"]).hands_out(),
        scene("generate", &["password:32"]),
        scene("export", &[YAML, "--format", "k8s", "--name", "db"]).hands_out(),
        scene("man", &[]),
    ];
    scenes.extend(in_git(stage));
    scenes.extend(members());
    scenes.extend(refusals(stage));
    scenes.extend(mistakes(stage));
    scenes.extend(invalid_texts(stage));
    scenes
}

/// What git starts, and what sets it up for that.
fn in_git(stage: &Stage) -> Vec<Scene> {
    vec![
        scene("git merge", &["git", "merge", "base.yaml", "ours.yaml", "theirs.yaml", "--path", YAML]).versions(
            "db.user",
            "db.password",
            &stage.new,
        ),
        scene("git merge", &["git", "merge", "base.yaml", "ours.yaml", "theirs.yaml", "--path", YAML]).versions(
            "db.list[0]",
            "db.added",
            &stage.new,
        ),
        scene("git install", &["git", "install"]).starts("git"),
        scene("git textconv", &["git", "textconv", YAML]).hands_out(),
        scene("git textconv", &["git", "textconv", YAML]).variable("SECRET_IDENTITY_FILE", "/nonexistent"),
        scene("git textconv", &["git", "textconv", JSON]).variable("GIT_CONFIG_KEY_0", "diff.x.cachetextconv"),
        scene("git textconv", &["git", "textconv", YAML]).replace(
            YAML,
            "  port: secret",
            "<<<<<<< x\n>>>>>>> y\n  port: secret",
        ),
        scene("git uninstall", &["git", "uninstall"]).starts("git"),
    ]
}

/// Who is a member, who may read what, and who no longer.
fn members() -> Vec<Scene> {
    vec![
        scene("access", &["alice"]),
        scene("access", &["alice", "--history", "--json"]),
        scene("compromised", &[YAML, "--yes"]),
        scene("compromised", &[YAML, "--plan", "--format", "markdown"]),
        scene("due", &[]),
        scene("due", &["--format", "ics"]),
        scene("group add", &["group", "add", "team", "bob"]),
        scene("group list", &["group", "list"]),
        scene("group remove", &["group", "remove", "spare"]).replace(POLICY, "team = [", "spare = [\"bob\"]\nteam = ["),
        scene("member add", &["member", "add", "carol", CAROL, "--group", "team"]),
        scene("member list", &["member", "list"]),
        scene("member remove", &["member", "remove", "bob", "--yes"]),
        scene("member expires", &["member", "expires", "bob", "2999-12-31"]),
        scene("request", &["request", "carol", CAROL]),
        scene("offboard", &["bob", "--plan"]),
        scene("offboard", &["bob", "--yes", "--json"]),
        scene("owners", &["--json"]),
        scene("owners", &["--from-codeowners"]).write("CODEOWNERS", "/secrets/ @acme/payments ops@example.com\n"),
        scene("owners", &["--from-codeowners", "--overwrite", "--dry-run"]).write("docs/CODEOWNERS", "* @acme\n"),
        scene("who", &[YAML]),
    ]
}

/// What fails because somebody else's keys or changes are in the way, and must not say on what.
fn refusals(stage: &Stage) -> Vec<Scene> {
    let (value, new) = (&stage.value, &stage.new);
    vec![
        scene("git merge", &["git", "merge", "base.yaml", "ours.yaml", "theirs.yaml", "--path", YAML])
            .versions("db.user", "db.user", new)
            .fails(1),
        scene("resolve", &[YAML]).versions("db.user", "db.user", new).conflicted().fails(1),
        // Not a reader, or no identity at all.
        scene("decrypt", &["-i", "../home/bob.key", YAML]).fails(4),
        scene("diff", &["-i", "../home/bob.key", "HEAD", "--show"]).unset(YAML, "db.password").fails(4),
        scene("show", &["-i", "../home/bob.key", &format!("{YAML}@HEAD")]).fails(4),
        scene("rollback", &["-i", "../home/bob.key", &format!("{YAML}@HEAD")]).fails(4),
        scene("get", &["-i", "../home/bob.key", YAML, "db.password"]).fails(4),
        scene("decrypt", &[YAML]).variable("SECRET_IDENTITY_FILE", "/nonexistent").fails(4),
        scene("decrypt", &["-i", "locked.key", YAML])
            .fails(4)
            .write("locked.key", "-----BEGIN AGE ENCRYPTED FILE-----\n"),
        // Identities that are none.
        scene("whoami", &[]).variable("SECRET_IDENTITY", new).fails(4),
        scene("whoami", &[]).variable("SECRET_IDENTITY", &format!("{}X", stage.stranger)).fails(4),
        scene("decrypt", &["-i", "plain.yaml", YAML]).input("plain.yaml", &format!("a: {new}\n")).fails(4),
        scene("decrypt", &["-i", "typo.key", YAML])
            .input("typo.key", &format!("# {new}\n{}\n", stage.stranger.replace("KEY-1", "KEY-1B")))
            .fails(4),
        // A secret key where a recipient belongs.
        scene("member add", &["member", "add", "bob2", &stage.stranger]).fails(1),
        scene("compromised", &[&stage.stranger]).fails(1),
        scene("owners", &["--from-codeowners"]).input("CODEOWNERS", &format!("* {}\n", stage.stranger)).fails(1),
        scene("ls", &[])
            .append(POLICY, &format!("[members.mallory]\nrecipients = [\"{}\"]\n", stage.stranger))
            .keeps(POLICY)
            .fails(1),
        scene("ls", &[])
            .append(POLICY, &format!("\n[members\nmallory = \"{}\"\n", stage.stranger))
            .keeps(POLICY)
            .fails(1),
        scene("rekey", &["--yes"]).append(POLICY, &format!("{} = = \n", stage.stranger)).keeps(POLICY).fails(1),
        // Files that somebody changed.
        scene("decrypt", &["--at-any-path", YAML]).replace(YAML, "  user: secret-v1", "  user: secret-v2").fails(5),
        scene("decrypt", &[YAML]).replace(YAML, "port:", "part:").fails(5),
        scene("get", &[YAML, "db.port"]).replace(YAML, "port:", "part:").fails(5),
        scene("rekey", &["--new-key", "--yes"]).replace(YAML, "port:", "part:").fails(5),
        scene("mv", &[JSON, "secrets/x.json"]).replace(JSON, "recipients.alice", "recipients.alica").fails(5),
        scene("meta", &[YAML, "--owner", "ops"]).replace(YAML, "# revision = ", "# revision = 1").fails(5),
        scene("unset", &[INI, "db.token"]).replace(INI, "token =", "tocen =").fails(5),
        scene("decrypt", &["secrets/other.yaml"]).duplicate(YAML, "secrets/other.yaml").fails(5),
        scene("edit", &["secrets/other.yaml"])
            .duplicate(YAML, "secrets/other.yaml")
            .variable("EDITOR", "/bin/false")
            .fails(5),
        scene("set", &[ENV, "TOKEN", "--stdin"]).stdin(new).replace(ENV, "generation = 1", "generation = 2").fails(5),
        // A value in clear among sealed ones.
        scene("decrypt", &[YAML]).append(YAML, &format!("late: {new} # {new}\n")).keeps(YAML).fails(5),
        scene("set", &[ENV, "TOKEN", "--stdin"]).stdin("x").append(ENV, &format!("LATE={new}\n")).keeps(ENV).fails(5),
        scene("ls", &[YAML]).append(YAML, &format!("late: {new}\n")).keeps(YAML),
        scene("verify", &[]).append(YAML, &format!("late: {new} # {new}\n")).keeps(YAML).fails(3),
        scene("verify", &["--format", "github"]).append(ENV, &format!("LATE={new}\n")).keeps(ENV).fails(3),
        scene("verify", &["--json"]).input("secrets/bad.yaml", &format!("a: [{new}\n")).fails(3),
        scene("verify", &["secrets/id.txt"]).input("secrets/id.txt", &stage.stranger).fails(3),
        // A merge that was not finished, with plaintext or tokens in it.
        scene("encrypt", &["secrets/merge.yaml"])
            .input("secrets/merge.yaml", &format!("<<<<<<< HEAD\na: {new}\n=======\na: {value}\n>>>>>>> other\n"))
            .fails(1),
        scene("decrypt", &[YAML])
            .append(YAML, &format!("<<<<<<< HEAD\na: {new}\n=======\na: 2\n>>>>>>> other\n"))
            .keeps(YAML)
            .fails(1),
    ]
}

/// What fails because the user is mistaken.
fn mistakes(stage: &Stage) -> Vec<Scene> {
    let new = &stage.new;
    vec![
        // Keys that are not there, and values that cannot be.
        scene("get", &[YAML, "db.pasword"]).fails(1),
        scene("get", &[YAML, "db.password.deeper"]).fails(1),
        scene("get", &[JSON, "list[7]"]).fails(1),
        scene("unset", &[ENV, "TOKEM"]).fails(1),
        scene("rotate", &[TOML, "db.token", "--stdin"]).stdin(&stage.value).fails(1),
        scene("rotate", &[ENV, "TOKEN", "--exec", "cat"]).starts("cat").fails(1),
        scene("rotate", &[ENV, "TOKEN", "--exec", "rev", "--test", "false"]).starts("rev").starts("false").fails(1),
        scene("rotate", &[YAML, "db.list[0]", "--begin", "--stdin"]).stdin(new).fails(1),
        scene("generate", &[new]).fails(2),
        scene("set", &[YAML, "db.password", "--stdin", "--json"]).stdin(&format!("{{\"{new}\": {new}")).fails(1),
        scene("set", &[JSON, "token", "--stdin", "--json"]).stdin(&format!("[\"{new}\", {new}]")).fails(1),
        scene("set", &[YAML, "db.password", "--stdin"]).stdin(&format!("{new}\0{new}")),
        scene("set", &[INI, "db.token", "--stdin"]).stdin(&format!("{new}\n[{new}]\n{new}")),
        scene("set", &[ENV, "TOKEN", "--stdin", "--json"]).stdin(&format!("{{\"a\": [\"{new}\"]}}")).fails(1),
        scene("set", &[YAML, "db.password.deeper", "--stdin"]).stdin(new).fails(1),
        scene("set", &[YAML, "db.password", "--stdin"]).stdin(&format!("secret-v1.{new}")).fails(1),
        scene("encrypt", &["-", "--path", "secrets/new.yaml"]).stdin(&format!("a: secret-v1.{new}\n")).fails(1),
        // Texts that were typed and cannot be saved: they are kept, encrypted.
        scene("edit", &[YAML]).editor("sed -i 's/5432/[/' \"$1\"").starts("sed").fails(1),
        scene("edit", &[YAML]).editor("sed -i -e 's/5432/5433/' -e /8/d \"$1\"").starts("sed").fails(1),
        scene("edit", &[YAML])
            .editor("sed -i 's/^# owner.*/  password: x/;s/5432/5433/' \"$1\"")
            .starts("sed")
            .fails(1),
        scene("edit", &[YAML]).editor("sed -i s/5432/5433/ \"$1\"; exit 3").starts("sed").fails(1),
        scene("edit", &[YAML]).editor("kill -ABRT $$").fails(1),
        scene("edit", &[YAML]).editor("rm \"$1\"").starts("rm").fails(1),
        // Where nothing can be written, or somebody else's file stands.
        scene("decrypt", &[YAML, "-o", "nowhere/out.yaml"]).fails(1),
        scene("decrypt", &[YAML, "-o", JSON]).fails(1),
        scene("decrypt", &[YAML, "-o", "/proc/version"]).fails(1),
        scene("encrypt", &["app/db.yaml"]).input("app/db.yaml", &format!("a: {new}\n")).fails(1),
        scene("keygen", &["-o", "../home/bob.key"]).fails(1),
        scene("init", &[]).write(POLICY, &format!("version = 1\n[members]\nbob = {new}\n")).keeps(POLICY).fails(1),
        // Arguments that make no sense.
        scene("group add", &["group", "add", "team", "nobody"]).fails(1),
        scene("group list", &["group", "list", "--what"]).fails(2),
        scene("member list", &["member", "list", "more"]).fails(2),
        scene("info", &["nowhere.yaml"]).fails(1),
        scene("who", &["secrets/plain.yaml"]).input("secrets/plain.yaml", &format!("a: {new}\n")).fails(1),
        scene("info", &["secrets/plain.yaml"]).input("secrets/plain.yaml", &format!("a: {new}\n")).fails(1),
        scene("decrypt", &["secrets/plain.yaml"]).input("secrets/plain.yaml", &format!("a: {new}\n")).fails(1),
    ]
}

/// What is not valid, with the secret on the very line.
fn invalid_texts(stage: &Stage) -> Vec<Scene> {
    let new = &stage.new;
    let mut scenes = Vec::new();
    for (name, text) in [
        ("bad.yaml", format!("db:\n  ok: 1\n  password: \"{new}\n")),
        ("bad.yaml", format!("db:\n  password: {new}: {new}\n")),
        ("bad.yaml", format!("a: {new}\na: {new}\n")),
        ("bad.yaml", format!("a: *{new}\n")),
        ("bad.yaml", format!("\t{new}: [\n")),
        ("bad.yaml", format!("a: {{{new}: ]}}\n")),
        ("bad.json", format!("{{\"a\": \"{new}\", \"a\": \"{new}\"}}")),
        ("bad.json", format!("{{\"a\": {new}}}")),
        ("bad.json", format!("{{\"a\": \"{new}\n\"}}")),
        ("bad.json", format!("{{\"a\": \"\\x{new}\"}}")),
        ("bad.toml", format!("a = {new}\n")),
        ("bad.toml", format!("a = \"{new}\nb = 1\n")),
        ("bad.toml", format!("a = '{new}' '{new}'\n")),
        ("bad.toml", format!("a = 1\na = \"{new}\"\n")),
        ("bad.env", format!("A=1\n{new} {new}\n")),
        ("bad.env", format!("A=\"{new}\n")),
        ("bad.env", format!("A='{new}' {new}\n")),
        ("bad.ini", format!("[a\nb = {new}\n")),
    ] {
        let path = format!("secrets/{name}");
        scenes.push(scene("encrypt", &[&path]).input(&path, &text).fails(1));
        scenes.push(scene("edit", &[&path, "--from", "typed"]).input("typed", &text).fails(1));
    }
    scenes
}

impl Stage {
    /// Sets the stage: one file of each format, whose values and comments are canaries.
    pub fn new() -> Self {
        let mut canaries = Canaries::default();
        let [value, comment, new] = ["Value", "Comment", "New"].map(|name| canaries.plant(name));
        let world = World::new()
            .with_file(
                YAML,
                &format!(
                    "# {comment}\ndb:\n  user: {value}1 # {comment}\n  password: \"{value}2\"\n  port: 5432\n  \
                     list: [{value}3, '{value}4']\n  text: |\n    {value}5\n    {value}6\n"
                ),
            )
            .with_file(JSON, &format!("{{\"token\": \"{value}\", \"list\": [1, \"{value}\"], \"empty\": null}}\n"))
            .with_file(TOML, &format!("# {comment}\n[db]\ntoken = \"{value}\" # {comment}\nport = 5432\n"))
            .with_file(ENV, &format!("# {comment}\nTOKEN={value}\nexport OTHER='{value}'\n"))
            .with_file(INI, &format!("[db]\n; {comment}\ntoken = {value}\n"))
            .with_file(BLOB, &format!("\0\u{1}{value}\n{value}\n"));
        let (bob, recipient) = world.keygen("bob");
        world.secret(["member", "add", "bob", &recipient]).success();
        world.commit("bob");
        let key = |path: &str| {
            let text = fs::read_to_string(path).expect("an identity");
            text.lines().find(|line| line.starts_with(KEY)).expect("a key").to_owned()
        };
        let stranger = key(&bob);
        // Its beginning says only what it is.
        canaries.watch(
            "Alice's key",
            &key(&format!("{}/.config/secret/identities.txt", world.home().display()))[KEY.len()..],
        );
        canaries.watch("Bob's key", &stranger[KEY.len()..]);
        Self { world, canaries, value, new, stranger }
    }
}

impl Scene {
    /// Sets a copy of the stage for the scene, and returns it with the variables of the act.
    pub fn set(&self, stage: &Stage) -> (World, Vec<(String, String)>) {
        let world = stage.world.copy();
        let mut variables = self.variables.clone();
        variables.extend(self.editor.as_ref().map(|script| ("EDITOR".to_owned(), world.editor(script))));
        for prepare in &self.prepare {
            prepare(&world);
        }
        (world, variables)
    }

    /// Says which scene this is.
    pub fn title(&self) -> String {
        format!("secret {} {:?}", self.arguments.join(" "), self.editor.as_deref().unwrap_or(&self.stdin))
    }

    fn hands_out(mut self) -> Self {
        self.hands_out = true;
        self
    }

    fn fails(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The user's editor is a script, which `sh` runs.
    fn editor(mut self, script: &str) -> Self {
        self.editor = Some(script.to_owned());
        self.starts("sh")
    }

    fn starts(mut self, program: &'static str) -> Self {
        self.starts.push(program);
        self
    }

    /// A file with plaintext, from the world's folder, is there at the end.
    fn leaves(mut self, path: &str) -> Self {
        self.plaintext_in.push(path.to_owned());
        self
    }

    /// A file of the repository holds plaintext before and after.
    fn keeps(self, path: &str) -> Self {
        self.leaves(&format!("repo/{path}"))
    }

    /// A plaintext to read from, which stays.
    fn input(self, path: &str, text: &str) -> Self {
        self.write(path, text).keeps(path)
    }

    fn write(self, path: &str, text: &str) -> Self {
        let (path, text) = (path.to_owned(), text.to_owned());
        self.prepared(move |world| world.write(&path, &text))
    }

    fn append(self, path: &str, text: &str) -> Self {
        let (path, text) = (path.to_owned(), text.to_owned());
        self.prepared(move |world| world.write(&path, world.read(&path) + &text))
    }

    fn replace(self, path: &str, from: &str, to: &str) -> Self {
        let [path, from, to] = [path, from, to].map(str::to_owned);
        self.prepared(move |world| world.tamper(&path, &from, &to))
    }

    /// Somebody removes a key first.
    fn unset(self, path: &str, key: &str) -> Self {
        let [path, key] = [path, key].map(str::to_owned);
        self.prepared(move |world| _ = world.secret(["unset", &path, &key]).success())
    }

    fn duplicate(self, path: &str, to: &str) -> Self {
        let [path, to] = [path, to].map(str::to_owned);
        self.prepared(move |world| world.write(&to, world.read_bytes(&path)))
    }

    /// Three versions of the file: as it is, and with another value of a key each.
    fn versions(self, ours: &str, theirs: &str, new: &str) -> Self {
        let (keys, new) = ([ours.to_owned(), theirs.to_owned()], new.to_owned());
        self.prepared(move |world| {
            let base = world.read_bytes(YAML);
            world.write("base.yaml", &base);
            for (key, (name, number)) in keys.iter().zip([("ours.yaml", 1), ("theirs.yaml", 2)]) {
                world.secret_with(["set", YAML, key, "--stdin"], &format!("{new}{number}"), &[]).success();
                world.write(name, world.read_bytes(YAML));
                world.write(YAML, &base);
            }
        })
    }

    /// The versions stand in git's index, as a merge leaves them.
    fn conflicted(self) -> Self {
        self.prepared(|world| {
            let stage = |name: &str, number: usize| {
                let id = world.git(["hash-object", "-w", "--", name]);
                format!("100644 {} {number}\t{YAML}\n", id.trim())
            };
            let stages = stage("base.yaml", 1) + &stage("ours.yaml", 2) + &stage("theirs.yaml", 3);
            world.git(["rm", "--quiet", "--cached", "--", YAML]);
            let mut update = world.command("git".as_ref());
            let outcome = run(update.args(["update-index", "--index-info"]), stages.as_bytes());
            assert_eq!(outcome.code, 0, "{outcome:#?}");
        })
    }

    fn prepared(mut self, prepare: impl Fn(&World) + Sync + 'static) -> Self {
        self.prepare.push(Box::new(prepare));
        self
    }
}

/// A plain success of a command. Its words are put before the arguments, if they do not stand there.
fn scene(command: &'static str, arguments: &[&str]) -> Scene {
    let words: Vec<&str> = command.split(' ').collect();
    let missing = if arguments.starts_with(&words) { &[] } else { words.as_slice() };
    Scene {
        command,
        arguments: missing.iter().chain(arguments).map(|&word| word.to_owned()).collect(),
        stdin: String::new(),
        variables: Vec::new(),
        code: 0,
        hands_out: false,
        plaintext_in: Vec::new(),
        starts: Vec::new(),
        editor: None,
        prepare: Vec::new(),
    }
}

pub const YAML: &str = "secrets/db.yaml";
pub const JSON: &str = "secrets/app.json";
pub const TOML: &str = "secrets/app.toml";
pub const ENV: &str = "secrets/app.env";
pub const INI: &str = "secrets/app.ini";
pub const BLOB: &str = "secrets/blob.bin";
const POLICY: &str = ".secret.toml";
const PLAIN: &str = "plain.yaml";

/// How a secret key begins.
const KEY: &str = "AGE-SECRET-KEY-1";
/// The recipient of somebody who is no member yet.
const CAROL: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
