//! Changes of a policy's text that keep its comments and its order.
//!
//! Each takes the text, and gives the new text only after reading it again and finding in it exactly what was meant:
//! a mistake in here cannot change who reads what.

use jiff::civil::Date;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Key, RawString, Table, TableLike, Value};

use super::read::is_name;
use super::{FILE_NAME, Member, MemberKind, PathPattern, Policy, PolicyErrors, Rule};
use crate::keys::Recipient;

/// Why a policy cannot be changed as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The member or group is in the group already.
    #[error("{name} is in group {group} already")]
    AlreadyIn {
        /// The group.
        group: String,
        /// The member or group.
        name: String,
    },
    /// The policy is, or would become, one that is refused.
    #[error(transparent)]
    Invalid(#[from] PolicyErrors),
    /// Nobody else reads the files of a rule.
    #[error("{member} is the last reader of {}", .rules.join(", "))]
    LastReader {
        /// Who is to be removed.
        member: String,
        /// The path patterns of the rules.
        rules: Vec<String>,
    },
    /// The text that names a new member or group cannot be a name.
    #[error(
        "{name:?} is no name: use at most 64 letters, digits and `.`, `_`, `@`, `-`, and begin with a letter or digit"
    )]
    Name {
        /// The text.
        name: String,
    },
    /// There is no such group.
    #[error("there is no group {name:?}")]
    NoGroup {
        /// The name.
        name: String,
    },
    /// There is no such member.
    #[error("there is no member {name:?}")]
    NoMember {
        /// The name.
        name: String,
    },
    /// The member or group is not in the group itself (perhaps in a group in it).
    #[error("{name} does not stand in group {group}")]
    NotIn {
        /// The group.
        group: String,
        /// The member or group.
        name: String,
    },
    /// A member or group has this name already.
    #[error("there is a member or group {name} already")]
    Taken {
        /// The name.
        name: String,
    },
    /// A group has the name that a member shall have, or a member that of a group.
    #[error("{name} is a {what}")]
    NameOfOther {
        /// The name.
        name: String,
        /// What has it.
        what: &'static str,
    },
    /// The recipient was given twice.
    #[error("{recipient} was given twice")]
    RecipientTwice {
        /// The recipient.
        recipient: String,
    },
    /// The recipient stands at a member already.
    #[error("{recipient} belongs to {member} already")]
    RecipientTaken {
        /// The recipient.
        recipient: String,
        /// The member.
        member: String,
    },
    /// The text is laid out in a way that cannot be changed safely; a person has to do it.
    #[error("{FILE_NAME} is laid out in a way that this command cannot change safely; change it by hand")]
    Unchangeable,
}

/// What gets a new name.
enum Named {
    Group,
    Member,
}

/// Adds a member.
pub fn add_member(text: &str, name: &str, member: &Member) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    edit.check_new_name(name, &Named::Member)?;
    edit.check_new_recipients(&member.recipients)?;
    let mut keys: Array = member.recipients.iter().map(Recipient::as_str).collect();
    let value = if member.kind != MemberKind::default() || member.expires.is_some() {
        let mut table = InlineTable::new();
        table.insert("recipients", keys.into());
        if member.kind != MemberKind::default() {
            table.insert("kind", member.kind.name().into());
        }
        if let Some(expires) = member.expires {
            table.insert("expires", expires.to_string().into());
        }
        table.into()
    } else if keys.len() == 1 {
        keys.remove(0)
    } else {
        keys.into()
    };
    edit.table("members")?.insert(name, Item::Value(value));
    edit.policy.members.insert(name.to_owned(), member.clone());
    edit.finish()
}

/// Changes the last day of a membership, or takes it away.
pub fn set_expires(text: &str, name: &str, expires: Option<Date>) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    let member = edit.policy.members.get_mut(name).ok_or_else(|| EditError::NoMember { name: name.to_owned() })?;
    member.expires = expires;
    let item = edit.document.get_mut("members").and_then(|members| members.get_mut(name));
    let item = item.ok_or(EditError::Unchangeable)?;
    if !item.is_table_like() {
        let value = item.as_value().ok_or(EditError::Unchangeable)?;
        let (keys, decor) = (value.clone().decorated("", ""), value.decor().clone());
        let keys = if keys.is_array() { keys } else { Array::from_iter([keys]).into() };
        let mut table = InlineTable::new();
        table.insert("recipients", keys);
        *table.decor_mut() = decor;
        *item = Item::Value(table.into());
    }
    let table = item.as_table_like_mut().ok_or(EditError::Unchangeable)?;
    match expires {
        Some(day) => {
            table.insert("expires", toml_edit::value(day.to_string()));
        }
        None => {
            let removed = table.remove("expires");
            let blanks = removed.as_ref().and_then(|item| Some(raw(item.as_value()?.decor().suffix())));
            // The blank before the bracket belongs to whatever is the last field.
            if let (Some(blanks), Some(inline)) = (blanks, item.as_inline_table_mut())
                && let Some((_, last)) = inline.iter_mut().last()
                && raw(last.decor().suffix()).is_empty()
            {
                last.decor_mut().set_suffix(blanks);
            }
        }
    }
    edit.finish()
}

/// Adds recipients to a member who is there already, behind the old ones.
pub fn add_recipients(text: &str, name: &str, recipients: &[Recipient]) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    edit.check_new_recipients(recipients)?;
    let member = edit.policy.members.get_mut(name).ok_or_else(|| EditError::NoMember { name: name.to_owned() })?;
    member.recipients.extend_from_slice(recipients);
    let item = edit.document.get_mut("members").and_then(|members| members.get_mut(name));
    let item = item.ok_or(EditError::Unchangeable)?;
    let item = if item.is_table_like() { item.get_mut("recipients").ok_or(EditError::Unchangeable)? } else { item };
    if let Some(first) = item.as_str().map(str::to_owned) {
        let decor = item.as_value().map(|value| value.decor().clone()).unwrap_or_default();
        let mut value = Value::from(Array::from_iter([first]));
        *value.decor_mut() = decor;
        *item = Item::Value(value);
    }
    let keys = item.as_array_mut().ok_or(EditError::Unchangeable)?;
    for recipient in recipients {
        push(keys, recipient.as_str());
    }
    edit.finish()
}

/// Removes a member: from the members, from all groups, and from the readers of all rules. A group may be empty then.
///
/// # Errors
/// [`EditError::LastReader`] when a rule would be left without readers: its files would be lost.
pub fn remove_member(text: &str, name: &str) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    if edit.policy.members.remove(name).is_none() {
        return Err(EditError::NoMember { name: name.to_owned() });
    }
    edit.table("members")?.remove(name);
    edit.remove_everywhere(name)?;
    edit.finish()
}

/// Removes a recipient of a member who has others.
pub fn remove_recipient(text: &str, name: &str, recipient: &Recipient) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    let member = edit.policy.members.get_mut(name).ok_or_else(|| EditError::NoMember { name: name.to_owned() })?;
    member.recipients.retain(|known| known != recipient);
    let item = edit.document.get_mut("members").and_then(|members| members.get_mut(name));
    let item = item.ok_or(EditError::Unchangeable)?;
    let item = if item.is_table_like() { item.get_mut("recipients").ok_or(EditError::Unchangeable)? } else { item };
    remove(item.as_array_mut().ok_or(EditError::Unchangeable)?, recipient.as_str());
    edit.finish()
}

/// Adds a group with the members and groups that are to be in it.
pub fn add_group(text: &str, group: &str, names: &[&str]) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    edit.check_new_name(group, &Named::Group)?;
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(EditError::AlreadyIn { group: group.to_owned(), name: (*twice.1).to_owned() });
    }
    edit.table("groups")?.insert(group, Item::Value(names.iter().copied().collect::<Array>().into()));
    edit.policy.groups.insert(group.to_owned(), names.iter().map(|name| (*name).to_owned()).collect());
    edit.finish()
}

/// Adds a member or a group to a group.
pub fn add_to_group(text: &str, group: &str, name: &str) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    let (names, array) = edit.group(group)?;
    if names.iter().any(|known| known == name) {
        return Err(EditError::AlreadyIn { group: group.to_owned(), name: name.to_owned() });
    }
    names.push(name.to_owned());
    push(array, name);
    edit.finish()
}

/// Removes a group: also from the groups that it is in, and from the readers of all rules.
///
/// # Errors
/// [`EditError::LastReader`] when a rule would be left without readers.
pub fn remove_group(text: &str, group: &str) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    if edit.policy.groups.remove(group).is_none() {
        return Err(EditError::NoGroup { name: group.to_owned() });
    }
    edit.table("groups")?.remove(group);
    edit.remove_everywhere(group)?;
    edit.finish()
}

/// Removes a member or a group from a group.
pub fn remove_from_group(text: &str, group: &str, name: &str) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    let (names, array) = edit.group(group)?;
    if !names.iter().any(|known| known == name) {
        return Err(EditError::NotIn { group: group.to_owned(), name: name.to_owned() });
    }
    names.retain(|known| known != name);
    remove(array, name);
    edit.refuse_unread(name)?;
    edit.finish()
}

/// Appends a rule. A rule above it whose pattern matches the same files goes first.
pub fn add_rule(text: &str, path: &PathPattern, readers: &[&str]) -> Result<String, EditError> {
    let mut edit = Edit::begin(text)?;
    let mut rule = Table::new();
    rule.insert("path", path.as_str().into());
    rule.insert("readers", Item::Value(readers.iter().copied().collect::<Array>().into()));
    match edit.document.entry("rules").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new())) {
        Item::ArrayOfTables(rules) => {
            rule.decor_mut().set_prefix("\n");
            rules.push(rule);
        }
        Item::Value(Value::Array(rules)) => push(rules, rule.into_inline_table()),
        _ => return Err(EditError::Unchangeable),
    }
    edit.policy.rules.push(Rule::new(path.clone(), readers.iter().map(|name| (*name).to_owned()).collect()));
    edit.finish()
}

/// Returns a name as a TOML key: bare where it can be.
pub(super) fn key(name: &str) -> String {
    Key::new(name).display_repr().into_owned()
}

/// A change on its way: the text, and what it is to say.
struct Edit<'t> {
    text: &'t str,
    document: DocumentMut,
    policy: Policy,
}

impl<'t> Edit<'t> {
    fn begin(text: &'t str) -> Result<Self, EditError> {
        let policy = Policy::parse(text, FILE_NAME)?;
        let document = text.parse().map_err(|_| EditError::Unchangeable)?;
        Ok(Self { text, document, policy })
    }

    /// Returns the new text, if it says what is meant.
    fn finish(self) -> Result<String, EditError> {
        let mut text = self.document.to_string();
        if self.text.contains("\r\n") {
            text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        let policy = Policy::parse(&text, FILE_NAME)?;
        if policy == self.policy { Ok(text) } else { Err(EditError::Unchangeable) }
    }

    fn check_new_name(&self, name: &str, of: &Named) -> Result<(), EditError> {
        if !is_name(name) {
            return Err(EditError::Name { name: name.to_owned() });
        }
        let name = name.to_owned();
        match (of, self.policy.members.contains_key(&name), self.policy.groups.contains_key(&name)) {
            (_, false, false) => Ok(()),
            (Named::Member, true, _) | (Named::Group, _, true) => Err(EditError::Taken { name }),
            (Named::Member, ..) => Err(EditError::NameOfOther { name, what: "group" }),
            (Named::Group, ..) => Err(EditError::NameOfOther { name, what: "member" }),
        }
    }

    fn check_new_recipients(&self, recipients: &[Recipient]) -> Result<(), EditError> {
        for (index, recipient) in recipients.iter().enumerate() {
            let recipient_text = recipient.to_string();
            if let Some((member, _)) = self.policy.member_with(recipient) {
                let member = member.to_owned();
                return Err(EditError::RecipientTaken { recipient: recipient_text, member });
            }
            if recipients[..index].contains(recipient) {
                return Err(EditError::RecipientTwice { recipient: recipient_text });
            }
        }
        Ok(())
    }

    /// Removes a name from all groups and from the readers of all rules.
    fn remove_everywhere(&mut self, name: &str) -> Result<(), EditError> {
        for (_, names) in
            self.document.get_mut("groups").and_then(Item::as_table_like_mut).into_iter().flat_map(TableLike::iter_mut)
        {
            remove(names.as_array_mut().ok_or(EditError::Unchangeable)?, name);
        }
        match self.document.get_mut("rules") {
            Some(Item::ArrayOfTables(rules)) => {
                for readers in rules.iter_mut().filter_map(|rule| rule.get_mut("readers")?.as_array_mut()) {
                    remove(readers, name);
                }
            }
            Some(Item::Value(Value::Array(rules))) => {
                for readers in
                    rules.iter_mut().filter_map(|rule| rule.as_inline_table_mut()?.get_mut("readers")?.as_array_mut())
                {
                    remove(readers, name);
                }
            }
            _ => {}
        }
        let lists = self.policy.groups.values_mut().chain(self.policy.rules.iter_mut().map(|rule| &mut rule.readers));
        lists.for_each(|names| names.retain(|other| other != name));
        self.refuse_unread(name)
    }

    /// Refuses a removal that leaves a rule without readers.
    fn refuse_unread(&self, removed: &str) -> Result<(), EditError> {
        let unread = self.policy.rules.iter().filter(|rule| !self.policy.has_readers(rule));
        let rules: Vec<String> = unread.map(|rule| rule.path.to_string()).collect();
        if rules.is_empty() { Ok(()) } else { Err(EditError::LastReader { member: removed.to_owned(), rules }) }
    }

    /// Returns a table of the root, and makes it if need be.
    fn table(&mut self, name: &str) -> Result<&mut dyn TableLike, EditError> {
        let item = self.document.entry(name).or_insert_with(|| Item::Table(Table::new()));
        item.as_table_like_mut().ok_or(EditError::Unchangeable)
    }

    /// Returns a group as the model and as the text have it.
    fn group(&mut self, group: &str) -> Result<(&mut Vec<String>, &mut Array), EditError> {
        let names = self.policy.groups.get_mut(group).ok_or_else(|| EditError::NoGroup { name: group.to_owned() })?;
        let item = self.document.get_mut("groups").and_then(|groups| groups.get_mut(group));
        Ok((names, item.and_then(Item::as_array_mut).ok_or(EditError::Unchangeable)?))
    }
}

/// Appends to a list; in one that has a line for each entry, as a line like the others.
fn push(array: &mut Array, value: impl Into<Value>) {
    let mut value = value.into();
    let Some(last) = array.len().checked_sub(1).and_then(|last| array.get_mut(last)) else {
        array.push(value);
        return;
    };
    let indent = raw(last.decor().prefix()).rsplit_once('\n').map(|(_, indent)| indent.to_owned());
    // What stands between the last entry (and its comma) and the bracket: a comment on its line, then lines.
    let had_comma = array.trailing_comma();
    let rest = if had_comma {
        raw(Some(array.trailing()))
    } else {
        raw(array.get(array.len() - 1).and_then(|last| last.decor().suffix()))
    };
    let (Some(indent), Some((comments, end))) = (indent, rest.rsplit_once('\n')) else {
        array.push(value);
        return;
    };
    value.decor_mut().set_prefix(format!("{comments}\n{indent}"));
    let end = format!("\n{end}");
    if had_comma {
        array.set_trailing(end);
    } else {
        if let Some(last) = array.get_mut(array.len() - 1) {
            last.decor_mut().set_suffix("");
        }
        value.decor_mut().set_suffix(end);
    }
    array.push_formatted(value);
}

/// Removes a text from a list, with the comment on its line and the comment lines above it.
fn remove(array: &mut Array, name: &str) {
    loop {
        let found = array.iter().position(|value| value.as_str() == Some(name));
        let Some(index) = found else { return };
        let removed = array.remove(index);
        // In front of an entry stands, behind the comma, the comment on the line of the entry before it.
        let before = raw(removed.decor().prefix());
        let behind = match array.get(index) {
            Some(next) => raw(next.decor().prefix()),
            None if array.trailing_comma() => raw(Some(array.trailing())),
            None => raw(removed.decor().suffix()),
        };
        let moved = match (before.split_once('\n'), behind.split_once('\n')) {
            (Some((kept, _)), Some((_, lines))) => format!("{kept}\n{lines}"),
            _ if index == 0 && index < array.len() => before,
            _ => behind,
        };
        if let Some(next) = array.get_mut(index) {
            next.decor_mut().set_prefix(moved);
        } else if array.is_empty() {
            array.set_trailing("");
            array.set_trailing_comma(false);
        } else if array.trailing_comma() {
            array.set_trailing(moved);
        } else if let Some(last) = array.get_mut(index - 1) {
            last.decor_mut().set_suffix(moved);
        }
    }
}

fn raw(text: Option<&RawString>) -> String {
    text.and_then(RawString::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{
        EditError, add_group, add_member, add_recipients, add_rule, add_to_group, remove_from_group, remove_group,
        remove_member, remove_recipient, set_expires,
    };
    use crate::keys::Recipient;
    use crate::policy::{FILE_NAME, Member, MemberKind, Policy, first_policy};

    const ALICE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    const BOB: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
    const CAROL: &str = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

    fn recipient(text: &str) -> Recipient {
        text.parse().expect("a recipient")
    }

    fn member(recipients: &[Recipient], kind: MemberKind) -> Member {
        Member::new(recipients.to_vec(), kind)
    }

    fn lined() -> String {
        format!(
            "version = 1 # do not change\n\n[members]\n# the boss\nalice = \"{ALICE}\" # laptop\nbob = \"{BOB}\"\n\n[groups]\n# who is here\nteam = [\n  \"alice\", # since 2020\n  # on leave\n  \"bob\", # since 2021\n]\n\n# all\n[[rules]]\npath = \"secrets/**\" # here\nreaders = [\"team\", \"alice\"]\n"
        )
    }

    #[test]
    fn the_first_policy_is_sound_for_any_name() {
        for name in ["alice", "alice@example.org", "a.b"] {
            let policy = Policy::parse(&first_policy(name, &recipient(ALICE)), FILE_NAME).expect("sound");
            let rule = policy.rule_for("secrets/prod/db.yaml").expect("governed");
            assert_eq!(policy.readers(rule).into_keys().collect::<Vec<_>>(), [name]);
        }
        assert!(Policy::parse(&first_policy("a b", &recipient(ALICE)), FILE_NAME).is_err());
    }

    #[test]
    fn a_new_member_stands_behind_the_others_and_all_else_stays() {
        let text = add_member(&lined(), "carol", &member(&[recipient(CAROL)], MemberKind::Person)).expect("adds");
        assert_eq!(text, lined().replace("\n\n[groups]", &format!("\ncarol = \"{CAROL}\"\n\n[groups]")));
        let text = add_member(&lined(), "ci.prod", &member(&[recipient(CAROL)], MemberKind::Machine)).expect("adds");
        let line = format!("\n\"ci.prod\" = {{ recipients = [\"{CAROL}\"], kind = \"machine\" }}\n\n[groups]");
        assert_eq!(text, lined().replace("\n\n[groups]", &line));
    }

    #[test]
    fn a_second_recipient_makes_a_list() {
        let text = add_recipients(&lined(), "alice", &[recipient(CAROL)]).expect("adds");
        assert_eq!(text, lined().replace(&format!("\"{ALICE}\" #"), &format!("[\"{ALICE}\", \"{CAROL}\"] #")));
    }

    #[test]
    fn a_recipient_leaves_the_others_as_they_are() {
        let text = add_recipients(&lined(), "alice", &[recipient(CAROL)]).expect("adds");
        let text = remove_recipient(&text, "alice", &recipient(ALICE)).expect("removes");
        assert_eq!(text, lined().replace(&format!("\"{ALICE}\" #"), &format!("[\"{CAROL}\"] #")));
        assert!(remove_recipient(&text, "alice", &recipient(CAROL)).is_err(), "the last one");
        assert!(remove_recipient(&text, "eve", &recipient(CAROL)).is_err());
    }

    #[test]
    fn a_group_with_a_line_for_each_entry_gets_another_line() {
        let text = add_member(&lined(), "carol", &member(&[recipient(CAROL)], MemberKind::Person)).expect("adds");
        let with = add_to_group(&text, "team", "carol").expect("adds");
        assert_eq!(with, text.replace("# since 2021\n]", "# since 2021\n  \"carol\",\n]"));
        assert_eq!(remove_from_group(&with, "team", "carol").expect("removes"), text);
        let bare = text.replace("\"bob\", # since", "\"bob\" # since");
        let with = add_to_group(&bare, "team", "carol").expect("adds");
        assert_eq!(with, text.replace("# since 2021\n]", "# since 2021\n  \"carol\"\n]"));
    }

    #[test]
    fn who_is_removed_takes_only_his_own_comments_along() {
        let text = remove_member(&lined(), "bob").expect("removes");
        let expected =
            lined().replace(&format!("bob = \"{BOB}\"\n"), "").replace("  # on leave\n  \"bob\", # since 2021\n", "");
        assert_eq!(text, expected);
        let text = remove_member(&lined(), "alice").expect("removes");
        let expected = lined()
            .replace(&format!("# the boss\nalice = \"{ALICE}\" # laptop\n"), "")
            .replace("  \"alice\", # since 2020\n", "")
            .replace(", \"alice\"]", "]");
        assert_eq!(text, expected);
    }

    #[test]
    fn the_last_reader_of_a_rule_cannot_be_removed() {
        let text = remove_member(&lined(), "bob").expect("removes");
        let refused = EditError::LastReader { member: "alice".to_owned(), rules: vec!["secrets/**".to_owned()] };
        assert_eq!(remove_member(&text, "alice"), Err(refused));
    }

    #[test]
    fn the_last_day_of_a_membership_is_set_changed_and_taken_away() {
        let day = |text: &str| Some(text.parse().expect("a day"));
        let text = set_expires(&lined(), "alice", day("2027-01-31")).expect("sets");
        let line = format!("alice = {{ recipients = [\"{ALICE}\"], expires = \"2027-01-31\" }} # laptop\n");
        assert_eq!(text, lined().replace(&format!("alice = \"{ALICE}\" # laptop\n"), &line));
        let later = set_expires(&text, "alice", day("2028-02-29")).expect("changes");
        assert_eq!(later, text.replace("2027-01-31", "2028-02-29"));
        let never = set_expires(&later, "alice", None).expect("takes away");
        assert_eq!(never, text.replace(", expires = \"2027-01-31\"", ""));
        assert!(matches!(set_expires(&lined(), "eve", None), Err(EditError::NoMember { .. })));
        let new = Member { expires: day("2027-01-31"), ..member(&[recipient(CAROL)], MemberKind::Machine) };
        let text = add_member(&lined(), "ci", &new).expect("adds");
        let line = format!("\nci = {{ recipients = [\"{CAROL}\"], kind = \"machine\", expires = \"2027-01-31\" }}\n");
        assert!(text.contains(&line), "{text}");
    }

    #[test]
    fn a_group_is_removed_with_all_that_names_it() {
        let with = add_group(&lined(), "ops", &["team"]).expect("adds");
        assert_eq!(remove_group(&with, "ops").expect("removes"), lined());
        let text = remove_group(&lined(), "team").expect("removes");
        assert!(!text.contains("team") && text.contains("readers = [\"alice\"]"), "{text}");
        let only = lined().replace("[\"team\", \"alice\"]", "[\"team\"]");
        assert!(matches!(remove_group(&only, "team"), Err(EditError::LastReader { .. })));
        assert_eq!(remove_group(&lined(), "alice"), Err(EditError::NoGroup { name: "alice".to_owned() }));
    }

    #[test]
    fn groups_and_rules_are_appended() {
        let text = add_group(&lined(), "ops", &["team"]).expect("adds");
        assert_eq!(text, lined().replace("2021\n]\n", "2021\n]\nops = [\"team\"]\n"));
        let text = add_rule(&text, &"certs/*".parse().expect("a pattern"), &["ops"]).expect("adds");
        assert!(text.ends_with("\"alice\"]\n\n[[rules]]\npath = \"certs/*\"\nreaders = [\"ops\"]\n"), "{text}");
    }

    #[test]
    fn what_is_not_there_yet_is_made() {
        let text = add_member("# mine\nversion = 1\n", "alice", &member(&[recipient(ALICE)], MemberKind::Person))
            .expect("adds");
        let text = add_group(&text, "team", &["alice"]).expect("adds");
        let text = add_rule(&text, &"secrets/**".parse().expect("a pattern"), &["team"]).expect("adds");
        let expected = format!(
            "# mine\nversion = 1\n\n[members]\nalice = \"{ALICE}\"\n\n[groups]\nteam = [\"alice\"]\n\n[[rules]]\npath = \"secrets/**\"\nreaders = [\"team\"]\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        let text = lined().replace('\n', "\r\n");
        let with = add_group(&text, "ops", &["team"]).expect("adds");
        assert_eq!(with, text.replace("2021\r\n]\r\n", "2021\r\n]\r\nops = [\"team\"]\r\n"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let (text, keys) = (lined(), [recipient(CAROL)]);
        let name = |name: &str| name.to_owned();
        assert_eq!(
            add_member(&text, "team", &member(&keys, MemberKind::Person)),
            Err(EditError::NameOfOther { name: name("team"), what: "group" })
        );
        assert_eq!(
            add_member(&text, "a b", &member(&keys, MemberKind::Person)),
            Err(EditError::Name { name: name("a b") })
        );
        let taken = EditError::RecipientTaken { recipient: BOB.to_owned(), member: name("bob") };
        assert_eq!(add_member(&text, "eve", &member(&[recipient(BOB)], MemberKind::Person)), Err(taken.clone()));
        assert_eq!(add_recipients(&text, "alice", &[recipient(BOB)]), Err(taken));
        let twice = member(&[recipient(CAROL), recipient(CAROL)], MemberKind::Person);
        assert!(matches!(add_member(&text, "eve", &twice), Err(EditError::RecipientTwice { .. })));
        assert!(matches!(add_member(&text, "eve", &member(&[], MemberKind::Person)), Err(EditError::Invalid(_))));
        assert_eq!(remove_member(&text, "team"), Err(EditError::NoMember { name: name("team") }));
        assert_eq!(add_to_group(&text, "ops", "bob"), Err(EditError::NoGroup { name: name("ops") }));
        assert!(matches!(add_to_group(&text, "team", "eve"), Err(EditError::Invalid(_))));
        assert!(matches!(add_to_group(&text, "team", "bob"), Err(EditError::AlreadyIn { .. })));
        assert!(matches!(remove_from_group(&text, "team", "eve"), Err(EditError::NotIn { .. })));
        assert!(matches!(add_group("version = 2", "ops", &[]), Err(EditError::Invalid(_))));
    }
}
