//! `secret status`: the whole repository at a glance, without an identity; and its page, which nobody's text can bend.

mod style;

use std::fs;
use std::process::Command;

use jiff::civil::date;
use serde_json::{Value, json};

use crate::world::{DB, Outcome, World, run};

const NOBODY: [(&str, &str); 2] = [("HOME", "/nonexistent"), ("XDG_CONFIG_HOME", "/nonexistent")];

impl World {
    /// Runs `status` as somebody without any identity; it succeeds and changes nothing.
    #[track_caller]
    fn status(&self, arguments: &[&str]) -> String {
        let before = self.listing();
        let outcome = self.secret_with([&["status"], arguments].concat(), "", &NOBODY);
        assert_eq!(self.listing(), before, "status changed something");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome:#?}");
        assert!(!outcome.stdout.contains("canary"), "{}", outcome.stdout);
        self.filter(&outcome.stdout)
    }

    /// Returns the page, which a strict parser of XML reads.
    #[track_caller]
    fn page(&self) -> String {
        let page = self.status(&["--format", "html"]);
        let parsed = run(
            Command::new("python3")
                .args(["-c", "import sys, xml.dom.minidom as m; m.parseString(sys.stdin.buffer.read())"]),
            page.as_bytes(),
        );
        assert_eq!(parsed.code, 0, "{}\n{page}", parsed.stderr);
        page
    }

    /// A repository in which something of each kind is wrong. Bob has left; what he knew since is overdue, too.
    fn in_trouble() -> Self {
        let world = Self::new();
        world.joins("bob");
        world.commit("bob");
        for name in ["a", "b", "c", "d"] {
            let (plain, path) = (format!("{name}.yaml"), format!("secrets/{name}.yaml"));
            world.write(&plain, DB);
            world.on(
                date(2026, 1, 2),
                &["encrypt", &plain, "-o", &path, "--yes", "--owner", "ops", "--rotate-every", "90d"],
            );
            std::fs::remove_file(world.path(&plain)).expect("it is there");
        }
        world.commit("files");
        world
    }
}

#[test]
fn a_sound_repository_is_told_in_a_few_lines() {
    let world = World::with_db();
    assert_eq!(
        world.status(&[]),
        "\
1 file: 1 in line, 0 drift, 0 plaintext, 0 broken
3 values: 0 exposed, 0 overdue, 0 due soon
1 member, 0 owners

files
  state    file             owner  readers  values  next due  last change
  in-line  secrets/db.yaml  -      team     3       -         [TODAY]
"
    );
}

#[test]
fn what_needs_attention_comes_before_the_files() {
    let world = World::in_trouble();
    let policy = world.read(".secret.toml");
    world.secret(["member", "add", "carol", &world.keygen("carol").1, "--group", "team"]).success();
    world.tamper("secrets/b.yaml", "# owner = \"ops\"", "# owner = \"own\"\n# owner = \"ops\"");
    world.write("secrets/c.yaml", "password: canary\n");
    let shown = world.status(&[]);
    let attention = shown.split("\n\n").nth(1).expect("it has parts");
    assert_eq!(
        attention,
        "\
needs attention
  broken     secrets/b.yaml  the header is not as secret wrote it: field `owner` stands at another place, twice, or in another spelling than secret writes
  plaintext  secrets/c.yaml  not encrypted
  overdue    secrets/a.yaml  3 values since 2026-04-02
  overdue    secrets/d.yaml  3 values since 2026-04-02
  drift      secrets/a.yaml  not yet read by carol
  drift      secrets/d.yaml  not yet read by carol
  broken: `secret verify FILE` says more
  plaintext: `secret encrypt FILE`, and replace what was committed in clear
  overdue: replace each value where it is used, then `secret rotate FILE KEY`
  drift: `secret rekey` brings files in line with the policy"
    );
    assert_ne!(policy, world.read(".secret.toml"));
}

#[test]
fn json_has_all_of_it_with_a_version() {
    let world = World::in_trouble();
    let report: Value = serde_json::from_str(&world.status(&["--json", "secrets/a.yaml"])).expect("JSON");
    let commit = world.git(["log", "-1", "--format=%H"]);
    let file = &report["files"][0];
    assert_eq!((&report["version"], &report["summary"]["by_state"]["in_line"]), (&json!(1), &json!(1)));
    assert_eq!(file["last_change"]["commit"], json!(commit.trim()));
    assert_eq!(file["readers"], json!(["alice", "bob"]));
    assert_eq!(
        file["values"],
        json!({ "sealed": 3, "exposed": 0, "overdue": 3, "due_soon": 0, "next_due": "2026-04-02" })
    );
}

#[test]
fn the_page_tells_who_could_read_what_from_when_till_when() {
    let world = World::in_trouble();
    let policy = world.read(".secret.toml").replace("[\"alice\", \"bob\"]", "[\"alice\"]");
    world
        .write(".secret.toml", policy.lines().filter(|line| !line.starts_with("bob =")).collect::<Vec<_>>().join("\n"));
    world.secret(["rekey", "--yes"]).success();
    world.commit("bob has left");
    let page = world.page();
    for told in [
        "<h3>bob <span class=\"pill bad\"><span aria-hidden=\"true\">○</span> former</span>",
        "could read 4 files before",
        "Exposed values",
        "12 values known to bob",
    ] {
        assert!(page.contains(told), "{told} is missing in\n{page}");
    }
}

#[test]
fn many_files_are_summed_up_by_folder() {
    let world = World::new();
    let (_, bob) = world.keygen("bob");
    let names: Vec<String> = (0..40).map(|number| format!("secrets/app/{number}.env")).collect();
    let more: Vec<String> = (0..41).map(|number| format!("secrets/db/{number}.env")).collect();
    for name in names.iter().chain(&more) {
        world.write(name, "A=canary\n");
    }
    let encrypt = |names: &[String]| {
        let words: Vec<&str> = ["encrypt", "--quiet"].into_iter().chain(names.iter().map(String::as_str)).collect();
        world.secret(words).success();
    };
    encrypt(&names);
    world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
    world.commit("bob");
    encrypt(&more);
    let page = world.page();
    let corner = |word: &str| format!("class=\"corner\">{word}<");
    assert!(page.contains(&corner("Folder")) && !page.contains(&corner("File")), "{page}");
    for cells in [
        // What bob is to read, and cannot yet.
        "<td class=\"reads\">40/40</td><td class=\"surplus\">0/40<small> +40</small></td>",
        "<td class=\"reads\">41/41</td><td class=\"reads\">41/41</td>",
    ] {
        assert_eq!(page.matches(cells).count(), 1, "{cells} in\n{page}");
    }
    // With one file less each has its row.
    std::fs::remove_file(world.path("secrets/app/0.env")).expect("it is there");
    let page = world.page();
    assert!(page.contains(&corner("File")) && !page.contains(&corner("Folder")), "{page}");
    assert_eq!(page.matches("<td class=\"reads\">").count(), 39 + 2 * 41);
    assert_eq!(page.matches("<td class=\"pending\">").count(), 39);
}

#[test]
fn a_member_whose_time_is_over_needs_attention() {
    let world = World::new();
    let (_, bob) = world.keygen("bob");
    world.secret(["member", "add", "bob", &bob, "--group", "team", "--expires", "2999-12-31"]).success();
    world.commit("bob");
    let world = world.with_file("secrets/a.env", "A=canary\n").with_file("secrets/b.env", "B=canary\n");
    assert!(!world.status(&[]).contains("expired"));
    world.tamper(".secret.toml", "2999-12-31", "2020-01-31");
    let shown = world.status(&[]);
    let attention = shown.split("\n\n").nth(1).expect("it has parts");
    assert_eq!(
        attention,
        "\
needs attention
  expired  bob  membership ended on 2020-01-31, still reads 2 files
  expired: `secret member remove NAME` ends it; `secret member expires NAME DAY` gives another day"
    );
    assert!(
        world.status(&["--format", "markdown"]).contains("| expired | `bob` | `membership ended on 2020-01-31, still")
    );
    let page = world.page();
    assert!(
        page.contains("The time of 1 member is over.") && page.contains("membership ended on 2020-01-31"),
        "{page}"
    );
    let json: Value = serde_json::from_str(&world.status(&["--json"])).expect("JSON");
    let expired: Vec<&Value> = json["members"].as_array().expect("a list").iter().map(|one| &one["expired"]).collect();
    assert_eq!(expired, [&Value::Null, &json!("2020-01-31")]);
}

#[test]
fn hostile_names_stay_text_in_the_page() {
    let world = World::new();
    let hostile = "</td><script>alert(1)</script>\" onmouseover='x' \u{202e}gnp.&amp;";
    let file = "secrets/<img src=x onerror=alert(1)>&\"'.env";
    world.write(file, "A=canary\n");
    world.secret(["encrypt", file, "--owner", hostile, "--purpose", hostile]).success();
    world.commit("hostile");
    let page = world.page();
    for markup in ["<script", "<img", "onmouseover='", "\" onmouseover", "\u{202e}"] {
        assert!(!page.contains(markup), "{markup} in\n{page}");
    }
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onmouseover=&#39;x&#39; \\u{202e}gnp.&amp;amp;")
    );
    let table = world.status(&["--format", "markdown"]);
    assert!(table.contains("`</td><script>alert(1)</script>") && !table.contains('\u{202e}'), "{table}");
    assert!(!world.status(&[]).contains('\u{202e}'));
}

#[test]
fn the_page_asks_nothing_of_a_network_and_runs_nothing() {
    let page = World::in_trouble().page();
    let names_xml = "xmlns=\"http://www.w3.org/1999/xhtml\"";
    let rest = page.replacen(names_xml, "", 1);
    for reference in
        ["http:", "https:", "://", "src=", "url(", "@import", "<script", "<link", "<form", "style=", "javascript"]
    {
        assert!(!rest.contains(reference), "{reference} in\n{page}");
    }
    let links: Vec<&str> = rest.split("href=\"").skip(1).collect();
    assert!(!links.is_empty() && links.iter().all(|link| link.starts_with('#')), "{links:?}");
    let style = page.split_once("<style>").expect("a style").1.split_once("</style>").expect("its end").0;
    let digest = run(
        Command::new("python3").args([
            "-c",
            "import base64, hashlib, sys; print(base64.b64encode(hashlib.sha256(sys.stdin.buffer.read()).digest()).decode())",
        ]),
        style.as_bytes(),
    );
    let policy = format!(
        "content=\"default-src &#39;none&#39;; style-src &#39;sha256-{}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;\"",
        digest.stdout.trim()
    );
    assert!(page.contains(&policy), "{policy}");
}

#[test]
fn a_report_takes_the_place_of_no_secret() {
    let world = World::with_db();
    world.refuses(
        ["status", "-o", "secrets/db.yaml"],
        1,
        "error: secrets/db.yaml is no place for a report: it is for secrets\nhint: name a file outside of the rules' paths",
    );
    world.refuses(
        ["status", "-o", ".secret.toml"],
        1,
        "error: .secret.toml is no place for a report: it is for secrets\nhint: name a file outside of the rules' paths",
    );
    for _ in 0..2 {
        let outcome = world.secret(["status", "--format", "html", "-o", "status.html"]).success();
        assert_eq!(outcome, Outcome { code: 0, stdout: String::new(), stderr: String::new() });
    }
    assert!(world.read("status.html").starts_with("<!DOCTYPE html>\n<html lang=\"en\""));
}

#[test]
fn a_report_replaces_reports_and_nothing_else() {
    let world = World::with_db();
    let (key, _) = world.keygen("ops");
    fs::rename(key, world.path("ops.key")).expect("an identity");
    world.write("notes.md", "# Notes\n");
    for file in ["ops.key", "notes.md"] {
        world.refuses_with(
            ["status", "-o", file],
            "",
            &[("SECRET_IDENTITY_FILE", "ops.key")],
            1,
            &format!("error: {file} is no report of `secret status`, and is not replaced\nhint: name another file, or remove this one first"),
        );
    }
    // A link to a report is no report; and git's own files are never one.
    for file in [".gitattributes", ".GITMODULES", ".git/hooks/pre-commit", "sub/.git/config", ".gitignore"] {
        world.refuses(
            ["status", "-o", file],
            1,
            &format!("error: {file} is no place for a report: git itself reads it\nhint: name another file"),
        );
    }
    assert!(!world.path(".git/hooks/pre-commit").exists());
    // Each form takes the place of each: a job writes its report again and again.
    world.write("report", "");
    for format in ["text", "json", "markdown", "html", "text"] {
        world.secret(["status", "--format", format, "-o", "report"]).success();
        world.secret(["status", "--format", format, "-o", "report"]).success();
    }
    world.secret(["status", "--json", "-o", "report"]).success();
    world.secret(["status", "-o", "report"]).success();
    assert!(world.read("report").starts_with("1 file: 1 in line"));
}

#[test]
fn before_the_first_commit_and_without_a_policy_it_says_what_there_is() {
    let world = World::empty();
    world.refuses(
        ["status"],
        1,
        "error: there is no policy (.secret.toml) in [WORLD]/repo\nhint: run `secret init`, or bring the one back that git's history has: `git log -- .secret.toml`",
    );
    world.secret(["init", "--name", "alice", "--no-git"]).success();
    assert_eq!(
        world.status(&[]),
        "\
0 files: 0 in line, 0 drift, 0 plaintext, 0 broken
0 values: 0 exposed, 0 overdue, 0 due soon
1 member, 0 owners
"
    );
    assert!(world.page().contains("No file is governed by a rule of the policy."));
}

#[test]
fn each_value_is_told_to_its_own_owner() {
    let (world, _) = World::with_former_reader();
    let _ = world.secret(["meta", "secrets/db.yaml", "--owner", "payments"]).success();
    let _ = world.secret(["meta", "secrets/db.yaml", "db.user", "--owner", "dba"]).success();
    world.commit("owners");
    let shown = world.secret(["verify"]);
    assert!(shown.stdout.contains("`db.user` is known to bob, who can no longer read the file [exposed, owner dba]"));
    let others = "`db.password`, `db.port` are known to bob, who can no longer read the file [exposed, owner payments]";
    assert!(shown.stdout.contains(others), "{shown:#?}");
    assert!(world.status(&[]).contains("1 member, 2 owners\n"), "{}", world.status(&[]));
    let page = world.page();
    let exposed =
        page.split_once("<section id=\"exposed\">").expect("a section").1.split_once("</section>").expect("its end");
    let rows: Vec<&str> = exposed.0.split("<tr>").skip(2).collect();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert!(rows[0].contains("db.user</code>") && rows[0].contains(">dba</td>") && !rows[0].contains("payments"));
    assert!(rows[1].contains("db.port</code>") && rows[1].contains(">payments</td>"), "{rows:#?}");
    let owners = page.split_once("<section id=\"owners\">").expect("a section").1;
    for row in ["dba</th>", "payments</th>"] {
        assert!(owners.contains(row), "{owners}");
    }
}

#[test]
fn a_repository_of_its_own_is_passed_by_and_named() {
    let world = World::with_db();
    let inner = World::with_db();
    let url = inner.repo().display().to_string();
    world.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "secrets/sub"]);
    let note = "secrets/sub is a repository of its own, and was not looked at\n";
    let due = world.due(&[]);
    assert_eq!((due.code, due.stderr), (0, format!("{note}nothing is due (3 values in 1 file)\n")));
    let status = world.secret(["status"]).success();
    assert!(status.stdout.starts_with("1 file: 1 in line"), "{status:#?}");
    assert_eq!(status.stderr, note);
    // Nothing of it is rekeyed by a policy that is not its own.
    assert_eq!(world.secret(["rekey"]).success().stderr, "1 file is in line with the policy\n");
    assert_eq!(world.secret(["due", "secrets/sub"]).success().stderr, "nothing is due (3 values in 1 file)\n");
}

#[test]
fn files_are_called_as_somebody_in_this_folder_would_write_them() {
    let (world, _) = World::with_former_reader();
    world.write("secrets/deep/new.env", "A=1\n");
    let _ = world.secret(["meta", "secrets/db.yaml", "--owner", "ops"]).success();
    for (folder, db, new) in [
        ("secrets", "db.yaml", "deep/new.env"),
        ("secrets/deep", "../db.yaml", "new.env"),
        (".", "secrets/db.yaml", "secrets/deep/new.env"),
    ] {
        let due = world.secret(["-C", folder, "due"]);
        assert!(due.stdout.starts_with(&format!("exposed  {db}  db.user ")), "{due:#?}");
        let verify = world.secret(["-C", folder, "verify"]).stdout;
        assert!(verify.contains(&format!("`secret rotate {db} KEY`\n")), "{verify}");
        assert!(
            verify.contains(&format!("\n{new}: error: ")) && verify.contains(&format!("`secret encrypt {new}`")),
            "{verify}"
        );
        let owners = world.secret(["-C", folder, "owners"]).stdout;
        assert!(owners.starts_with(&format!("{db}  ops\n")), "{owners}");
        // For programs a file has one name.
        for json in [["due", "--json"], ["verify", "--json"]] {
            assert!(
                world.secret([&["-C", folder], &json[..]].concat()).stdout.contains("\"file\": \"secrets/db.yaml\"")
            );
        }
    }
}
