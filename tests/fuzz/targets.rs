//! What must hold for any bytes at all, one function a target: shared by the loop of tests/it/fuzz.rs, which needs
//! nothing but stable Rust, and by cargo-fuzz, which knows what code an input reaches.
//!
//! A target panics when its property does not hold, and returns whether the input was accepted, as a hint that more
//! inputs like it are worth trying.

use secret::document::edit::{EditError, NewValue};
use secret::document::path::Component;
use secret::document::{self, Content, Document, Format, Item, KeyPath, KeyPattern, Node, Span, splice};
use secret::envelope::native::{
    Comments, EncryptedFile, Field, SealError, SignedHeader, Token, conflict, peek_file_id, toml_text,
};
use secret::keys::{Recipient, Stanzas, canonical};
use secret::policy::{FILE_NAME, Member, MemberKind, PathPattern, Period, Policy, edit};
use serde_json::json;

use crate::generate::{File, Sample};

/// A property of any bytes.
pub type Target = fn(&[u8]) -> bool;

/// Every target by its name, which is also that of its cargo-fuzz binary.
pub const TARGETS: [(&str, Target); 16] = [
    ("dotenv", |data| document_keeps_its_laws(Format::Dotenv, data)),
    ("ini", |data| document_keeps_its_laws(Format::Ini, data)),
    ("json", |data| document_keeps_its_laws(Format::Json, data)),
    ("toml", |data| document_keeps_its_laws(Format::Toml, data)),
    ("yaml", |data| document_keeps_its_laws(Format::Yaml, data)),
    ("edit_dotenv", |data| an_edit_does_what_was_asked(Format::Dotenv, data)),
    ("edit_ini", |data| an_edit_does_what_was_asked(Format::Ini, data)),
    ("edit_json", |data| an_edit_does_what_was_asked(Format::Json, data)),
    ("edit_toml", |data| an_edit_does_what_was_asked(Format::Toml, data)),
    ("edit_yaml", |data| an_edit_does_what_was_asked(Format::Yaml, data)),
    ("file", any_file_is_read_without_belief),
    ("header", a_header_is_canonical),
    ("key_path", a_key_path_reads_back),
    ("policy", a_policy_edit_keeps_the_rest),
    ("recipient", keys_have_one_spelling),
    ("token", a_token_has_one_spelling),
];

/// Items stand in order and in range; splicing nothing changes nothing; sealing and opening give every byte back.
fn document_keeps_its_laws(format: Format, data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let Ok(document) = document::parse(format, text) else { return false };
    check_spans(text, &document);
    let leaves = document.items.iter().filter(|item| !matches!(item, Item::Event(_))).map(span);
    assert_eq!(*splice(text, leaves.map(|span| (span, span.of(text)))), *text, "splicing what stands there");
    for root in &document.roots {
        check_node(&document, root, text);
    }

    let comments = if data.len().is_multiple_of(5) { Comments::Modelines } else { Comments::Sealed };
    let cleartext = if data.len().is_multiple_of(3) { vec!["**.public*.**", "a*"] } else { Vec::new() };
    let sample = Sample { format, text: String::new(), cleartext, comments };
    let file = File::new(&sample);
    match file.seal(data, None, 1) {
        Ok(sealed) => {
            let opened = file.open(&sealed).unwrap_or_else(|error| panic!("what was sealed does not open: {error}"));
            assert!(*opened.plaintext == data, "another plaintext comes back");
            let again = file.seal(data, Some(&opened), 2).expect("what was sealed once can be sealed again");
            assert!(again == sealed, "sealing what did not change changes it");
            true
        }
        Err(SealError::RoundTrip) => panic!("the document could not be sealed and opened again"),
        // It has tokens or a header in it, or a comment in clear that is none to others.
        Err(_) => false,
    }
}

fn check_spans(text: &str, document: &Document) {
    let mut end = 0;
    for item in &document.items {
        let Span { start, end: behind } = span(item);
        assert!(start <= behind && behind <= text.len(), "{start}..{behind} is out of range");
        assert!(text.is_char_boundary(start) && text.is_char_boundary(behind), "{start}..{behind} cuts a character");
        assert!(end <= start, "{start}..{behind} begins before {end}");
        end = behind;
    }
}

/// Every leaf of the tree is the item that it names, and stands within its parents.
fn check_node(document: &Document, node: &Node, text: &str) {
    assert!(node.span.end <= text.len() && text.get(node.span.start..node.span.end).is_some());
    match &node.content {
        Content::Leaf(index) => {
            let leaf = document.leaf(*index);
            assert!(node.span.start <= leaf.span.start && leaf.span.end <= node.span.end);
        }
        Content::List(nodes) => nodes.iter().for_each(|node| check_node(document, node, text)),
        Content::Map(entries) => entries.iter().for_each(|entry| check_node(document, &entry.node, text)),
        Content::Alias(_) | Content::Null => {}
    }
}

fn span(item: &Item) -> Span {
    match item {
        Item::Event(event) => event.span,
        Item::Leaf(leaf) => leaf.span,
        Item::Comment(comment) => comment.span,
    }
}

/// The first line says what to put where, the rest is the document: what was set reads back, what was removed is gone,
/// and no byte but of that place changed.
fn an_edit_does_what_was_asked(format: Format, data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let Some((line, text)) = text.split_once('\n') else { return false };
    let Some((which, value)) = line.split_once(' ') else { return false };
    let Ok(document) = document::parse(format, text) else { return false };
    let leaves: Vec<KeyPath> = document.leaves().map(|leaf| leaf.path.clone()).collect();
    let which = which.bytes().fold(0_usize, |number, byte| number.wrapping_mul(31).wrapping_add(byte.into()));
    let path = match leaves.get((which >> 2) % leaves.len().max(1)) {
        Some(path) if which & 1 == 0 => path.clone(),
        Some(path) => KeyPath(path.0[..path.0.len().saturating_sub(1)].to_vec()).child(Component::key(value)),
        None => KeyPath(vec![Component::key("a")]),
    };
    let number = json!(which);
    let value_to_set = match which & 2 {
        0 => NewValue::Text(value),
        _ => NewValue::Json(&number),
    };
    let set = document::set(format, text, &document, &path, value_to_set);
    if let Ok(changed) = &set {
        let found = document::parse(format, changed).expect("what was set can be parsed");
        let found = found.leaves().find(|leaf| path.addresses(&leaf.path)).expect("what was set is there");
        let expected = if which & 2 == 0 { value.to_owned() } else { number.to_string() };
        assert_eq!(*found.value, expected, "{path} reads back");
    }
    let unset = document::unset(format, text, &document, &path);
    if let Ok(changed) = &unset {
        let found = document::parse(format, changed).expect("a document without a key can be parsed");
        assert!(
            found.leaves().count() < leaves.len() || !leaves.iter().any(|leaf| path.contains(leaf)),
            "{path} is gone"
        );
    }
    for error in [set.as_ref().err(), unset.as_ref().err()].into_iter().flatten() {
        let is_own_mistake = matches!(error, EditError::Entangled { reason, .. } if OWN_MISTAKES.contains(reason));
        // In YAML what stands around a value can make it impossible to change; where only a CR ends lines, the last
        // value that shows that it does cannot go; nor can a first line, where the next begins with what is a byte order
        // mark only in the first.
        let has_lone_return = text.replace("\r\n", "").contains('\r');
        let has_later_mark = text.trim_start_matches('\u{feff}').contains('\u{feff}');
        let is_odd = format == Format::Yaml || has_lone_return || has_later_mark;
        assert!(!is_own_mistake || is_odd, "{path}: {error}");
    }
    set.is_ok()
}

/// What an edit says that found its own result wrong.
const OWN_MISTAKES: [&str; 2] = ["the document could not be read any more", "the value would not read back"];

/// Any bytes are read as an encrypted file, without a panic; what can be told without a key is told alike.
fn any_file_is_read_without_belief(data: &[u8]) -> bool {
    let _ = conflict(data);
    let peeked = peek_file_id(data);
    let Ok(file) = EncryptedFile::parse(data) else { return false };
    assert_eq!(peeked, Some(file.header().file_id), "the id at a glance is that of the header");
    let _ = file.counts();
    let is_intact = file.check().is_ok();
    let stranger = File::new(&Sample::of(Format::Yaml, ""));
    let payload = stranger.secrets.payload(file.header());
    assert!(file.open(&payload).is_err(), "a stranger's key opens nothing");
    assert!(file.open(data).is_err() && file.open(&[]).is_err());
    is_intact
}

/// Lines that are read as a header print as they stood there.
fn a_header_is_canonical(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let lines: Vec<&str> = text.split('\n').collect();
    let fields = Field::from_toml_lines(&lines);
    if let Ok(fields) = &fields {
        assert_eq!(toml_text(fields), format!("{text}\n"), "fields print as they stood");
        let members: Vec<String> = fields.iter().map(Field::json_member).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        // A name with a dot in it, and a block that is no wrapped key, have no JSON form: no header has them.
        if let Ok(again) = Field::from_json_members(&members) {
            assert_eq!(again.iter().map(Field::json_member).collect::<Vec<_>>(), members);
        }
        if let Ok(signed) = SignedHeader::from_fields(fields) {
            assert_eq!(toml_text(&signed.fields()), format!("{text}\n"), "a header prints as it stood");
            assert_eq!(
                SignedHeader::from_fields(&Field::from_json_members(&members).expect("a header has a JSON form")),
                Ok(signed)
            );
            return true;
        }
    }
    let _ = Field::from_json_members(&lines);
    fields.is_ok()
}

/// A key path prints as something that means the same; a pattern prints as it was written and matches without a panic.
fn a_key_path_reads_back(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let (pattern, path) = text.split_once('\n').unwrap_or((text, text));
    let parsed = KeyPath::parse(path);
    if let Ok(path) = &parsed {
        let printed = path.to_string();
        assert_eq!(KeyPath::parse(&printed).as_ref(), Ok(path), "{printed:?} means the same");
        assert!(path.addresses(path) && path.contains(path));
    }
    let pattern = pattern.parse::<KeyPattern>();
    if let Ok(pattern) = &pattern {
        assert_eq!(pattern.to_string().parse::<KeyPattern>().as_ref(), Ok(pattern));
        if let Ok(path) = &parsed {
            let is_match = pattern.matches(path);
            let everything: KeyPattern = "**".parse().expect("a pattern");
            assert!(everything.matches(path) || !is_match);
        }
    }
    // A name alone, against the plain meaning of its stars.
    let is_plain =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'*');
    let (left, right) = text.split_once('\n').unwrap_or_default();
    if is_plain(left) && is_plain(right) && left != "**" && left.len() * right.len() < 10_000 {
        let pattern: KeyPattern = left.parse().expect("a plain name is a pattern");
        let path = KeyPath(vec![Component::key(right)]);
        assert_eq!(pattern.matches(&path), wildcards_match(left.as_bytes(), right.as_bytes()), "{left} {right}");
    }
    parsed.is_ok() || pattern.is_ok()
}

/// What stars mean, by the definition.
fn wildcards_match(pattern: &[u8], name: &[u8]) -> bool {
    let mut reachable = vec![false; name.len() + 1];
    reachable[0] = true;
    for symbol in pattern {
        if *symbol == b'*' {
            let first = reachable.iter().position(|is_reachable| *is_reachable).unwrap_or(reachable.len());
            reachable[first..].fill(true);
        } else {
            let next = (0..=name.len()).map(|index| index > 0 && reachable[index - 1] && name[index - 1] == *symbol);
            reachable = next.collect();
        }
    }
    reachable[name.len()]
}

/// A text that is a token prints as it stood there.
fn a_token_has_one_spelling(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    match Token::parse(text) {
        Ok(Some(token)) => {
            assert_eq!(token.to_string(), text, "a token has one spelling");
            true
        }
        Ok(None) => {
            assert!(!Token::is_likely(text));
            false
        }
        Err(_) => {
            assert!(Token::is_likely(text));
            false
        }
    }
}

/// Edits of a policy that was read leave a policy that can be read, with every comment and every rule.
fn a_policy_edit_keeps_the_rest(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let Ok(policy) = Policy::parse(&text, FILE_NAME) else {
        let recipient: Recipient = RECIPIENT.parse().expect("a recipient");
        let _ = edit::add_member(&text, "new", &Member::new(vec![recipient], MemberKind::default()));
        return false;
    };
    let _ = policy.rule_for("secrets/prod/db.yaml").map(|rule| policy.readers(rule).len());
    let recipient: Recipient = RECIPIENT.parse().expect("a recipient");
    let pattern: PathPattern = "new/**".parse().expect("a pattern");
    let member = policy.members.keys().next().cloned();
    let group = policy.groups.keys().next().cloned();
    let mut edits = vec![
        edit::add_member(&text, "new-member", &Member::new(vec![recipient.clone()], MemberKind::default())),
        edit::add_group(&text, "new-group", &[]),
    ];
    if let Some(member) = &member {
        edits.push(edit::add_recipients(&text, member, &[recipient]));
        edits.push(edit::add_group(&text, "new-group", &[member]));
        edits.push(edit::add_rule(&text, &pattern, &[member]));
        if let Some(group) = &group {
            edits.push(edit::add_to_group(&text, group, member));
        }
    }
    for changed in edits.into_iter().flatten() {
        let after = Policy::parse(&changed, FILE_NAME).expect("an edited policy is one");
        assert!(after.members.len() >= policy.members.len() && after.groups.len() >= policy.groups.len());
        assert!(
            after.rules.len() >= policy.rules.len()
                && after.rules.iter().zip(&policy.rules).all(|(new, old)| new.path == old.path)
        );
        assert!(marks(&changed) >= marks(&text), "a comment got lost:\n{text}\n---\n{changed}");
    }
    for name in policy.members.keys() {
        if let Ok(changed) = edit::remove_member(&text, name) {
            let after = Policy::parse(&changed, FILE_NAME).expect("an edited policy is one");
            assert_eq!(after.members.len() + 1, policy.members.len());
            assert!(!after.members.contains_key(name) && after.rules.len() == policy.rules.len());
        }
    }
    true
}

fn marks(text: &str) -> usize {
    text.matches('#').count()
}

/// What is taken for a key, a period or a path pattern prints as something that means the same.
fn keys_have_one_spelling(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let period = text.parse::<Period>();
    if let Ok(period) = &period {
        assert_eq!(period.to_string(), text);
    }
    let pattern = text.parse::<PathPattern>();
    if let Ok(pattern) = &pattern {
        assert_eq!(pattern.to_string(), text);
        let _ = pattern.matches(&text);
    }
    if let Ok(stanzas) = Stanzas::parse(&text) {
        assert!(stanzas.iter().count() > 0);
    }
    if canonical(&text) {
        assert!(text.ends_with("-----\n"));
    }
    match text.parse::<Recipient>() {
        Ok(recipient) => {
            let printed = recipient.to_string();
            assert!(printed.parse() == Ok(recipient), "{printed}");
            assert!(!printed.to_ascii_uppercase().contains("SECRET-KEY"));
            true
        }
        Err(error) => {
            // A message never repeats what may be a private key; but the text may be what a message always says.
            let message = error.to_string();
            let reversed = text.chars().rev().collect::<String>().parse::<Recipient>();
            let always = reversed.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(text.len() < 20 || !message.contains(&*text) || always.contains(&*text), "{message}");
            period.is_ok() || pattern.is_ok()
        }
    }
}

const RECIPIENT: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";
