//! `secret due`: what must be replaced and when, without an identity; and exposure, which ends with the value.

use std::fs;

use jiff::civil::{Date, date};
use secret::env::Env;
use serde_json::{Value, json};

use crate::world::{DB, Outcome, World};

const FILE: &str = "secrets/db.yaml";

impl World {
    /// Runs a command of the program in this process, on another day.
    #[track_caller]
    pub fn on(&self, today: Date, arguments: &[&str]) {
        let variables = [("HOME", self.home()), ("XDG_RUNTIME_DIR", self.folder().join("run"))];
        let variables = variables.into_iter().map(|(name, path)| (name.into(), path.into_os_string()));
        let env = Env::new(self.repo(), today, variables);
        let words = ["secret"].iter().chain(arguments).map(Into::into);
        assert_eq!(secret::commands::run(words, &env, None), 0, "{arguments:?}");
    }

    /// Runs `due` as somebody without any identity; it changes nothing.
    #[track_caller]
    pub fn due(&self, arguments: &[&str]) -> Outcome {
        let before = self.listing();
        let nobody = [("HOME", "/nonexistent"), ("XDG_CONFIG_HOME", "/nonexistent")];
        let outcome = self.secret_with([&["due"], arguments].concat(), "", &nobody);
        assert_eq!(self.listing(), before, "due changed something");
        assert!(!outcome.stdout.contains("canary") && !outcome.stderr.contains("canary"), "{outcome:#?}");
        Outcome { stdout: self.filter(&outcome.stdout), ..outcome }
    }

    /// Returns `file key state former-readers` of all values.
    #[track_caller]
    pub fn states(&self) -> Vec<String> {
        let outcome = self.due(&["--json"]);
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:#?}"));
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let line = |value: &Value| {
            let who: Vec<String> = value["former_readers"].as_array().expect("a list").iter().map(text).collect();
            let fields = [text(&value["file"]), text(&value["key"]), text(&value["state"]), who.join("+")];
            fields.join(" ").trim_end().to_owned()
        };
        report["values"].as_array().expect("a list").iter().map(line).collect()
    }

    #[track_caller]
    pub fn set_value(&self, file: &str, key: &str, value: &str) {
        let _ = self.secret_with(["set", file, key, "--stdin"], value, &[]).success();
    }

    /// A world in which bob was a reader of [`FILE`], and is not any more. Returns his identity file, too.
    pub fn with_former_reader() -> (Self, String) {
        let world = Self::with_db();
        let key = world.joins("bob");
        let _ = world.secret(["rekey", "--add", "bob"]).success();
        world.commit("bob joins");
        let policy = world.read(".secret.toml");
        let kept: Vec<&str> = policy.lines().filter(|line| !line.starts_with("bob = ")).collect();
        world.write(".secret.toml", kept.join("\n").replace(", \"bob\"", "") + "\n");
        let _ = world.secret(["rekey"]).success();
        world.commit("bob leaves");
        (world, key)
    }
}

/// Values of all ages: one without a date, one of long ago, one that is due soon.
fn aged() -> World {
    let world = World::new();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    world.write("secrets/old.env", "A=canary-1\nB=canary-2\n");
    world.on(date(2020, 1, 31), &["encrypt", "--quiet", "secrets/old.env", "--rotate-every", "1mo", "--owner", "ops"]);
    world.set_value("secrets/old.env", "B", "canary-3");
    world.write("secrets/free.yaml", "a: canary-4\n");
    let _ = world.secret(["encrypt", "secrets/free.yaml"]).success();
    world.write("secrets/blob.bin", "\0canary-5");
    let soon = today.saturating_add(jiff::Span::new().days(9)).to_string();
    let _ = world.secret(["encrypt", "secrets/blob.bin", "--rotation-due", &soon]).success();
    world.commit("files");
    world
}

#[test]
fn each_value_is_told_with_its_state_and_the_exit_code_is_that_of_the_worst() {
    let world = aged();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = |days: i32| today.saturating_add(jiff::Span::new().days(days)).to_string();
    let month = today.saturating_add(jiff::Span::new().months(1)).to_string();
    let outcome = world.due(&["--json"]);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    let value = |file: &str, key: Option<&str>, owner: Option<&str>, state: &str, due: Option<&str>, since: &str| json!({ "file": file, "key": key, "owner": owner, "state": state, "due": due, "since": since, "former_readers": [] });
    let report: Value = serde_json::from_str(&outcome.stdout.replace("[TODAY]", &day(0))).expect("JSON");
    let near = if month <= day(30) { "due-soon" } else { "up-to-date" };
    assert_eq!(
        report,
        json!({ "version": 1, "values": [
            value("secrets/blob.bin", None, None, "due-soon", Some(&day(9)), &day(0)),
            value("secrets/free.yaml", Some("a"), None, "up-to-date", None, &day(0)),
            value("secrets/old.env", Some("A"), Some("ops"), "overdue", Some("2020-02-29"), "2020-01-31"),
            value("secrets/old.env", Some("B"), Some("ops"), near, Some(&month), &day(0)),
        ] })
    );
    let listed = world.due(&["--within", "1w", "--owner", "ops"]);
    assert_eq!(
        (listed.code, listed.stdout.as_str(), listed.stderr.as_str()),
        (
            3,
            "overdue  secrets/old.env  A  due 2020-02-29, set 2020-01-31  owner ops\n",
            "error: 1 value must be replaced now (2 values in 3 files)\n\
             hint: replace each where it is used, and here by `secret rotate FILE KEY`\n"
        )
    );
    let fine = world.due(&["secrets/free.yaml", "secrets/blob.bin", "--within", "8d"]);
    assert_eq!(
        (fine.code, fine.stdout.as_str(), fine.stderr.as_str()),
        (0, "", "nothing is due (2 values in 2 files)\n")
    );
    let soon = world.due(&["secrets/blob.bin"]);
    assert_eq!(soon.code, 0);
    assert_eq!(soon.stderr, "nothing is due now, and 1 soon (1 value in 1 file)\n");
}

#[test]
fn on_its_day_a_value_is_due_and_on_the_next_one_overdue() {
    let world = World::new();
    world.write("secrets/a.env", "A=canary\n");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let week_ago = today.saturating_sub(jiff::Span::new().days(7));
    world.on(week_ago, &["encrypt", "--quiet", "secrets/a.env", "--rotate-every", "1w"]);
    assert_eq!(world.states(), ["secrets/a.env A due-soon"]);
    let _ = world.secret(["meta", "secrets/a.env", "--rotate-every", "6d"]).success();
    assert_eq!(world.states(), ["secrets/a.env A overdue"]);
    // The earlier of the two counts, and a day that somebody set is for the values of that time.
    let yesterday = today.saturating_sub(jiff::Span::new().days(1)).to_string();
    let _ = world
        .secret(["meta", "secrets/a.env", "--rotate-every", "90d", "--rotation-due", &yesterday, "--allow-past"])
        .success();
    assert_eq!(world.states(), ["secrets/a.env A overdue"]);
    world.set_value("secrets/a.env", "A", "canary-new");
    assert_eq!(world.states(), ["secrets/a.env A up-to-date"]);
}

#[test]
fn a_day_that_is_past_is_for_what_was_replaced_by_then_and_that_is_said() {
    let world = World::new();
    world.write("secrets/a.env", "A=canary\nB=canary\n");
    world.on(jiff::civil::date(2020, 1, 31), &["encrypt", "--quiet", "secrets/a.env"]);
    world.set_value("secrets/a.env", "B", "canary-new");
    let meta = |arguments: &[&str], day: &str| {
        let said =
            world.secret([&["meta", "secrets/a.env"], arguments, &["--rotation-due", day, "--allow-past"]].concat());
        said.success().stderr.split_once('\n').map(|(_, told)| told.to_owned()).unwrap_or_default()
    };
    let up_to_date: Vec<String> = Vec::new();
    assert_eq!(meta(&[], "2020-01-30"), "nothing is overdue by that day: all was replaced after 2020-01-30\n");
    assert_eq!(overdue(&world), up_to_date);
    assert_eq!(meta(&[], "2020-01-31"), "overdue by that day: 1 of 2 values, last replaced on 2020-01-31 or before\n");
    assert_eq!(overdue(&world), ["secrets/a.env A overdue"]);
    assert_eq!(meta(&["B"], "2020-01-31"), "nothing is overdue by that day: all was replaced after 2020-01-31\n");
    // What is said of the value itself counts, whatever is said of the file.
    assert_eq!(meta(&["A"], "2019-01-31"), "nothing is overdue by that day: all was replaced after 2019-01-31\n");
    assert_eq!(meta(&[], "2020-02-29"), "nothing is overdue by that day: all was replaced after 2020-02-29\n");
    assert_eq!(overdue(&world), up_to_date);
    assert_eq!(
        meta(&["A"], "2020-02-29"),
        "overdue by that day: 1 of 1 value, last replaced on 2020-02-29 or before\n"
    );
    assert_eq!(overdue(&world), ["secrets/a.env A overdue"]);
    world.secret_with(["rotate", "secrets/a.env", "A", "--stdin"], "canary-newer", &[]).success();
    assert_eq!(overdue(&world), up_to_date);
    assert_eq!(meta(&[], "2099-01-31"), "");
}

fn overdue(world: &World) -> Vec<String> {
    world.states().into_iter().filter(|state| state.ends_with(" overdue")).collect()
}

#[test]
fn what_is_said_of_one_value_counts_before_what_is_said_of_the_file() {
    let world = aged();
    let file = "secrets/old.env";
    world.secret(["meta", file, "A", "--rotate-every", "20y", "--owner", "payments"]).success();
    let yesterday = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().yesterday().expect("a day");
    assert_eq!(world.states()[2..], ["secrets/old.env A up-to-date".to_owned(), world.states()[3].clone()]);
    let listed = world.due(&["--owner", "payments", "--within", "30y"]);
    assert_eq!(listed.stdout, "due-soon  secrets/old.env  A  due 2040-01-31, set 2020-01-31  owner payments\n");
    assert_eq!(listed.code, 0, "{listed:#?}");
    // `verify` reads the same clock.
    let verify = || world.secret(["verify"]).stdout;
    assert!(!verify().contains("overdue"), "{}", verify());
    world.secret(["meta", file, "A", "--rotation-due", &yesterday.to_string(), "--allow-past"]).success();
    assert!(verify().contains("overdue") && verify().contains("`A`"), "{}", verify());
    assert_eq!(world.states()[2], "secrets/old.env A overdue");
}

#[test]
fn an_owner_is_found_by_his_groups_and_a_name_that_nobody_has_is_no_peace_of_mind() {
    let (world, _) = World::with_former_reader();
    world.secret(["meta", FILE, "--owner", "team"]).success();
    for owner in ["team", "alice"] {
        let due = world.due(&["--owner", owner]);
        assert_eq!((due.code, due.stdout.lines().count()), (3, 3), "{due:#?}");
    }
    let typo = world.due(&["--owner", "tema"]);
    assert_eq!(
        (typo.code, typo.stderr.as_str()),
        (
            0,
            "warning: nobody has the name tema, and no value has such an owner; values have the owner team\n\
             nothing is due (0 values in 1 file)\n"
        )
    );
}

#[test]
fn what_cannot_be_read_is_no_peace_of_mind() {
    let world = World::with_db();
    world.tamper(FILE, "  port:", "  part:");
    let outcome = world.due(&[]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "{outcome:#?}");
    world.write("plain.txt", "x");
    world.refuses(
        ["due", "plain.txt"],
        1,
        "error: plain.txt is not encrypted\nhint: no rule is for it: add one to .secret.toml, then `secret encrypt \
         plain.txt`; or name another file",
    );
    world.refuses(["due", "--within", "soon"], 2, "error: invalid value 'soon' for '--within <PERIOD>': not a period; write for example 90d, 12w, 6mo or 1y\n\nFor more information, try '--help'.");
}

#[test]
fn other_programs_get_what_is_due_in_their_own_words() {
    let world = aged();
    let _ = world.secret(["meta", "secrets/old.env", "--owner", "o|p`s, @all\n::error::x"]).success();
    let line = world.line_of("secrets/old.env", "A=");
    let github = world.due(&["--within", "1w", "--format", "github", "secrets/old.env"]);
    assert_eq!(
        github.stdout,
        format!(
            "::error file=secrets/old.env,line={line},title=overdue::secrets/old.env: A is overdue: \
             due 2020-02-29, set 2020-01-31 (owner o|p`s, @all%0A::error::x)\n"
        )
    );
    let markdown = world.due(&["--within", "1w", "--format", "markdown", "secrets/old.env"]);
    assert_eq!(
        markdown.stdout,
        "| state | file | key | why | owner |\n|---|---|---|---|---|\n\
         | overdue | `secrets/old.env` | `A` | due 2020-02-29, set 2020-01-31 | `o\\u{7c}p\\u{60}s, @all\\u{a}::error::x` |\n"
    );
    let none = world.due(&["--format", "markdown", "secrets/free.yaml"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, "Nothing is due.\n"));
}

#[test]
fn a_calendar_is_one_that_a_strict_reader_takes_and_its_events_keep_their_names() {
    let world = aged();
    let _ =
        world.secret(["meta", "secrets/old.env", "--owner", "o;p,s\\ \u{e4}\u{e4}\u{e4}\r\nEND:VCALENDAR"]).success();
    let outcome = world.due(&["--format", "ics"]);
    assert_eq!(outcome.code, 3);
    let events = events(&outcome.stdout);
    let summaries: Vec<&str> = events.iter().map(|event| event["SUMMARY"].as_str()).collect();
    assert_eq!(
        summaries,
        ["replace (all of it) in secrets/blob.bin", "replace A in secrets/old.env", "replace B in secrets/old.env"]
    );
    assert_eq!(events[1]["DTSTART;VALUE=DATE"], "20200229");
    assert_eq!(
        events[1]["DESCRIPTION"],
        "overdue: due 2020-02-29, set 2020-01-31, owner o;p,s\\ \u{e4}\u{e4}\u{e4}\\u{d}\\u{a}END:VCALENDAR"
    );
    // A new value is the same event on another day, also under another name.
    world.set_value("secrets/old.env", "A", "canary-new");
    let _ = world.secret(["mv", "secrets/old.env", "secrets/new.env"]).success();
    let later = self::events(&world.due(&["--format", "ics"]).stdout);
    let of = |events: &[Event], summary: &str| -> Event {
        events.iter().find(|event| event["SUMMARY"] == summary).expect("an event").clone()
    };
    let (was, is) = (of(&events, "replace A in secrets/old.env"), of(&later, "replace A in secrets/new.env"));
    assert_eq!(was["UID"], is["UID"]);
    assert!(was["DTSTART;VALUE=DATE"] < is["DTSTART;VALUE=DATE"]);
    let names: std::collections::BTreeSet<&String> = later.iter().map(|event| &event["UID"]).collect();
    assert_eq!(names.len(), 3);
}

type Event = std::collections::BTreeMap<String, String>;

/// Reads a calendar as RFC 5545 has it, and refuses what it does not allow.
fn events(calendar: &str) -> Vec<Event> {
    let lines: Vec<&str> = calendar.strip_suffix("\r\n").expect("the last line ends").split("\r\n").collect();
    assert!(lines.iter().all(|line| line.len() <= 75 && !line.contains(['\r', '\n'])), "{lines:?}");
    let unfolded = lines.join("\n").replace("\n ", "");
    let mut lines = unfolded.split('\n');
    for expected in ["BEGIN:VCALENDAR", "VERSION:2.0"] {
        assert_eq!(lines.next(), Some(expected));
    }
    assert!(lines.next().is_some_and(|line| line.starts_with("PRODID:")));
    assert_eq!(lines.next(), Some("CALSCALE:GREGORIAN"));
    let mut events = Vec::new();
    let mut event: Option<Event> = None;
    for line in lines.by_ref() {
        let (name, value) = line.split_once(':').expect("a property");
        match (name, value, &mut event) {
            ("BEGIN", "VEVENT", None) => event = Some(Event::new()),
            ("END", "VEVENT", Some(_)) => events.extend(event.take()),
            ("END", "VCALENDAR", None) => break,
            (name, value, Some(event)) => {
                let is_text = ["SUMMARY", "DESCRIPTION", "CATEGORIES"].contains(&name);
                let value = if is_text { unescaped(value) } else { value.to_owned() };
                assert!(event.insert(name.to_owned(), value).is_none(), "{name} twice");
            }
            _ => panic!("{line} stands in no event"),
        }
    }
    assert_eq!(lines.next(), None, "something stands behind the calendar");
    let needed = ["UID", "DTSTAMP", "DTSTART;VALUE=DATE", "SUMMARY"];
    assert!(events.iter().all(|event| needed.iter().all(|name| event.contains_key(*name))), "{events:?}");
    events
}

fn unescaped(text: &str) -> String {
    let mut characters = text.chars();
    let mut plain = String::new();
    while let Some(character) = characters.next() {
        assert!(!matches!(character, ';' | ','), "{text:?}");
        plain.push(match character {
            '\\' => characters.next().filter(|next| matches!(next, '\\' | ';' | ',')).expect("what is escaped"),
            other => other,
        });
    }
    plain
}

#[test]
fn a_value_that_a_former_reader_knows_is_exposed_until_it_is_another_one() {
    let (world, _) = World::with_former_reader();
    let header = |text: &str| text.split_once("secret/v1 end").expect("a header").0.to_owned();
    let before = header(&world.read(FILE));
    let exposed = |key: &str| format!("{FILE} {key} exposed bob");
    assert_eq!(world.states(), ["db.user", "db.password", "db.port"].map(exposed));
    // The same value in another spelling, set again or edited, is the same value.
    world.set_value(FILE, "db.password", "canary-hunter2");
    world.write("new.yaml", DB.replace("\"canary-hunter2\"", "'canary-hunter2'").replace("admin", "\"admin\""));
    let _ = world.secret(["edit", FILE, "--from", "new.yaml"]).success();
    assert_eq!(world.states(), ["db.user", "db.password", "db.port"].map(exposed));
    // So it is under another name of the key, and of the file.
    world.write("new.yaml", DB.replace("password:", "pass:"));
    let _ = world.secret(["edit", FILE, "--from", "new.yaml"]).success();
    assert_eq!(world.states(), ["db.user", "db.pass", "db.port"].map(exposed));
    assert_eq!(header(&world.read(FILE)), before, "the header changed");
    world.set_value(FILE, "db.pass", "canary-new");
    assert_eq!(world.states(), [exposed("db.user"), format!("{FILE} db.pass up-to-date"), exposed("db.port")]);
    assert_eq!(header(&world.read(FILE)), before, "the header changed");
    world.commit("a new password");
    let _ = world.secret(["mv", FILE, "secrets/moved.yaml"]).success();
    let moved = |line: String| line.replace("db.yaml", "moved.yaml");
    assert_eq!(
        world.states(),
        [exposed("db.user"), format!("{FILE} db.pass up-to-date"), exposed("db.port")].map(moved)
    );
    world.commit("moved");
    // What is put back is as well known as it was.
    let back = ["rollback", "secrets/moved.yaml@HEAD~1", "db.pass"];
    let _ = world.secret(back).success();
    let refused = world.secret(["rollback", "secrets/moved.yaml@HEAD~2", "db.password"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    let _ = world.secret(["rollback", "secrets/moved.yaml@HEAD~2", "db.password", "--allow-exposed"]).success();
    assert!(world.states().contains(&moved(exposed("db.password"))), "{:?}", world.states());
}

/// A text is as well known under another key; but a short one, or a number, is in many places.
#[test]
fn what_a_former_reader_knows_he_knows_under_any_key() {
    let world = World::new();
    world.joins("bob");
    world.commit("bob joins");
    let file = "secrets/a.env";
    let world = world.with_file(file, "A=canary-one\nB=canary-two\nC=true\n");
    world.secret(["member", "remove", "bob", "--yes"]).success();
    let exposed = |key: &str| format!("{file} {key} exposed bob");
    let fine = |key: &str| format!("{file} {key} up-to-date");
    world.write("new.env", "A=canary-two\nB=canary-one\nC=false\n");
    world.secret(["edit", file, "--from", "new.env"]).success();
    assert_eq!(world.states(), [exposed("A"), exposed("B"), fine("C")]);
    world.set_value(file, "D", "canary-two");
    world.set_value(file, "E", "true");
    assert_eq!(world.states(), [exposed("A"), exposed("B"), fine("C"), exposed("D"), fine("E")]);
    world.set_value(file, "D", "canary-three");
    world.set_value(file, "A", "canary-four");
    assert_eq!(world.states(), [fine("A"), exposed("B"), fine("C"), fine("D"), fine("E")]);
}

/// What stood in clear while somebody could read the file is known to him when it is sealed again.
#[test]
fn what_stood_in_clear_is_known_to_former_readers() {
    let world = World::new();
    world.joins("bob");
    world.commit("bob joins");
    let file = "secrets/a.env";
    let world = world.with_file(file, "A=1\nB=canary-two\n");
    let sealed = world.read(".secret.toml");
    world.write(".secret.toml", sealed.clone() + "cleartext = [\"A\"]\n");
    world.commit("A in clear");
    world.secret(["rekey", "--yes", "--allow-cleartext"]).success();
    world.commit("A is in clear");
    world.secret(["member", "remove", "bob", "--yes"]).success();
    world.commit("bob leaves");
    let policy = world.read(".secret.toml").replace("cleartext = [\"A\"]\n", "");
    world.write(".secret.toml", policy);
    world.secret(["rekey", "--yes"]).success();
    assert_eq!(world.states(), ["A", "B"].map(|key| format!("{file} {key} exposed bob")));
    world.set_value(file, "A", "2");
    assert_eq!(world.states(), [format!("{file} A up-to-date"), format!("{file} B exposed bob")]);
}

#[test]
fn a_merge_keeps_what_is_exposed_and_what_is_not() {
    let (world, _) = World::with_former_reader();
    world.git(["checkout", "--quiet", "-b", "side"]);
    world.set_value(FILE, "db.user", "canary-side");
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    world.set_value(FILE, "db.port", "5433");
    world.commit("main");
    let _ = world.secret(["git", "install", "--no-hook"]).success();
    world.git(["merge", "--quiet", "--no-edit", "side"]);
    let expected = [
        format!("{FILE} db.user up-to-date"),
        format!("{FILE} db.password exposed bob"),
        format!("{FILE} db.port up-to-date"),
    ];
    assert_eq!(world.states(), expected);
}

/// A policy whose rules no longer match a file does not make its values forgotten.
#[test]
fn a_file_that_no_rule_is_for_any_more_is_looked_at_all_the_same() {
    let (world, _) = World::with_former_reader();
    let states = world.states();
    world.write(".secret.toml", world.read(".secret.toml").replace("secrets/**", "sekrets/**"));
    world.commit("a slip");
    assert_eq!(world.states(), states);
    let verified = world.secret(["verify"]).success();
    assert!(
        verified.stdout.contains(&format!("{FILE}: warning: ")) && verified.stdout.contains("[ungoverned]"),
        "{verified:#?}"
    );
    assert_eq!(world.secret(["verify", "--strict"]).code, 3);
    fs::create_dir(world.path("docs")).expect("a folder");
    let from_below = world.secret(["-C", "docs", "verify"]).success();
    assert_eq!(from_below.stdout, verified.stdout.replace(FILE, &format!("../{FILE}")), "{from_below:#?}");
    let status = world.secret(["status"]).success();
    assert!(status.stdout.contains("1 drift") && status.stdout.contains("3 exposed"), "{status:#?}");
    let access = world.secret(["access", "alice"]).success();
    assert!(access.stdout.contains(FILE), "{access:#?}");
}

#[test]
fn sealing_a_file_as_a_whole_makes_nobody_forget_its_values() {
    let (world, _) = World::with_former_reader();
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", policy + "mode = \"opaque\"\n");
    world.commit("as a whole");
    let _ = world.secret(["rekey", "--yes"]).success();
    assert_eq!(world.states(), [format!("{FILE} - exposed bob")]);
}
