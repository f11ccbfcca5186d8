//! Drift: header and policy disagree about readers.

use std::collections::{BTreeMap, BTreeSet};

use super::Readers;
use crate::keys::Recipient;

/// Where the readers of a header and those of its rule differ; all lists are sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Members whom the header names and the rule does not: former readers to be.
    pub surplus: Vec<String>,
    /// Members whom the rule names and the header does not.
    pub missing: Vec<String>,
    /// Members whom both name, with other recipients.
    pub changed: Vec<ChangedReader>,
}

/// A member whose recipients differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedReader {
    /// The member.
    pub name: String,
    /// Recipients that only the header has.
    pub surplus: Vec<String>,
    /// Recipients that only the policy has.
    pub missing: Vec<String>,
}

impl Drift {
    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.surplus.is_empty() && self.missing.is_empty() && self.changed.is_empty()
    }

    /// Tells whether some key that the policy does not name opens the file.
    pub fn has_surplus(&self) -> bool {
        !self.surplus.is_empty() || self.changed.iter().any(|reader| !reader.surplus.is_empty())
    }

    /// Returns who can read the file against the policy, for a message: `bob, an old key of carol`.
    pub fn surplus_in_words(&self) -> String {
        let changed = self.changed.iter().filter(|reader| !reader.surplus.is_empty());
        let changed = changed.map(|reader| format!("an old key of {}", reader.name));
        self.surplus.iter().cloned().chain(changed).collect::<Vec<_>>().join(", ")
    }
}

/// Compares the readers of a header (member, recipients) with those of its rule. The order of recipients is no drift.
pub fn drift(header: &BTreeMap<String, Vec<String>>, rule: &Readers<'_>) -> Drift {
    let mut drift = Drift::default();
    for (name, recipients) in header {
        let Some(member) = rule.get(name.as_str()) else {
            drift.surplus.push(name.clone());
            continue;
        };
        let there: BTreeSet<&str> = recipients.iter().map(String::as_str).collect();
        let here = member.recipients.iter().map(Recipient::as_str).collect();
        let owned = |set: BTreeSet<&str>| set.into_iter().map(str::to_owned).collect();
        if there != here {
            let (surplus, missing) = (owned(&there - &here), owned(&here - &there));
            drift.changed.push(ChangedReader { name: name.clone(), surplus, missing });
        }
    }
    drift.missing = rule.keys().filter(|name| !header.contains_key(**name)).map(|name| (*name).to_owned()).collect();
    drift
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ChangedReader, Drift, drift};
    use crate::keys::Recipient;
    use crate::policy::{Member, MemberKind, Readers};

    const OLD: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    const NEW: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

    fn member(recipients: &[&str]) -> Member {
        let recipients: Vec<Recipient> = recipients.iter().map(|text| text.parse().expect("valid")).collect();
        Member::new(recipients, MemberKind::Person)
    }

    fn header(readers: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        readers.iter().map(|(name, recipients)| ((*name).to_owned(), owned(recipients))).collect()
    }

    #[test]
    fn who_left_who_came_and_who_changed_keys_is_told_apart() {
        let (bob, carol) = (member(&[NEW]), member(&[OLD]));
        let rule = Readers::from([("bob", &bob), ("carol", &carol)]);
        let found = drift(&header(&[("alice", &[OLD]), ("bob", &[OLD])]), &rule);
        let changed =
            ChangedReader { name: "bob".to_owned(), surplus: vec![OLD.to_owned()], missing: vec![NEW.to_owned()] };
        let expected =
            Drift { surplus: vec!["alice".to_owned()], missing: vec!["carol".to_owned()], changed: vec![changed] };
        assert_eq!(found, expected);
        assert!(found.has_surplus() && !found.is_empty());
    }

    #[test]
    fn the_order_of_recipients_is_no_drift() {
        let alice = member(&[OLD, NEW]);
        let found = drift(&header(&[("alice", &[NEW, OLD])]), &Readers::from([("alice", &alice)]));
        assert!(found.is_empty() && !found.has_surplus());
    }

    #[test]
    fn a_reader_whom_only_the_policy_names_is_no_surplus() {
        let alice = member(&[OLD, NEW]);
        let found = drift(&header(&[("alice", &[OLD])]), &Readers::from([("alice", &alice)]));
        assert!(!found.has_surplus() && !found.is_empty());
    }
}
