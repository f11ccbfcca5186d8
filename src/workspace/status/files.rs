//! Looking at all files.

use std::collections::HashSet;

use super::{FileState, FileStatus, Status, ValueCounts};
use crate::envelope::native::Header;
use crate::policy::{Drift, Policy, drift};
use crate::workspace::lifecycle::{Examined, examine};
use crate::workspace::{Error, LifecycleRequest, Target, ValueLife, Workspace, each_on_all_cores};

impl Workspace<'_> {
    /// Tells how the governed files stand. No identity is used, and nothing is authenticated.
    ///
    /// # Errors
    /// When there is no policy, a path does not exist, or the repository cannot be read.
    pub fn status(&self, request: &LifecycleRequest) -> Result<Status, Error> {
        let policy = self.required_policy()?;
        let (targets, unnameable) = self.named_or_governed(&request.paths)?;
        let targets: Vec<Target> = targets.into_iter().map(|(target, _)| target).collect();
        let (within, today) = (self.within(), self.env.today());
        // One that is named and not encrypted is told as such, not refused: this is a report.
        let examined = each_on_all_cores(&targets, |target| examine(target, false, within, today, request.soon));

        let mut files = Vec::with_capacity(targets.len());
        let mut all_values = Vec::new();
        let mut members: std::collections::BTreeMap<String, _> =
            policy.members.iter().map(|(name, member)| (name.clone(), Some(member.kind))).collect();
        for (target, examined) in targets.into_iter().zip(examined) {
            let path = target.name().to_owned();
            let mut file = by_policy(path, policy);
            match examined {
                Ok(None) => file.state = FileState::Plaintext,
                Ok(Some(examined)) => {
                    let mut values = self.note(&mut file, &target, examined);
                    for name in file.readers.iter().filter(|name| !policy.members.contains_key(*name)) {
                        members.entry(name.clone()).or_insert(None);
                    }
                    all_values.append(&mut values);
                }
                Err(error) => {
                    file.state = FileState::Broken;
                    file.why = Some(error.to_string());
                }
            }
            files.push(file);
        }
        for path in unnameable {
            let why = Some("its name is not UTF-8, so no header can name it: rename it".to_owned());
            files.push(FileStatus { state: FileState::Broken, why, ..by_policy(path, policy) });
        }
        files.sort_by(|one, other| one.file.cmp(&other.file));
        self.note_last_changes(&mut files)?;
        let over = policy.members.iter().filter(|(_, member)| member.is_expired(today));
        let expired = over.filter_map(|(name, member)| Some((name.clone(), member.expires?))).collect();
        let name = self.root().and_then(|root| root.file_name()).map(|name| name.to_string_lossy().into_owned());
        Ok(Status { name: name.unwrap_or_default(), today, files, values: all_values, members, expired })
    }

    /// Notes what an encrypted file says; returns its values.
    fn note(&self, file: &mut FileStatus, target: &Target, examined: Examined) -> Vec<ValueLife> {
        let Examined { header, mut values, .. } = examined;
        for value in &mut values {
            value.file.clone_from(&file.file);
            value.owner = value.owner.take().or_else(|| file.owner.clone());
        }
        file.values = ValueCounts::of(&values);
        file.state = match self.is_in_line(target, &header) {
            Ok(true) => FileState::InLine,
            // Of a file that no rule is for, the policy says that nobody reads it.
            Ok(false) | Err(_) => FileState::Drift,
        };
        if header.path != file.file {
            file.state = FileState::Broken;
            file.why = Some(format!("it was encrypted for {}", header.path));
        }
        file.drift = self.drift(target, &header).unwrap_or_else(|_| all_surplus(&header));
        let Header { metadata, recipients, exposed, .. } = header;
        file.owner = metadata.owner.or(file.owner.take());
        file.purpose = metadata.purpose;
        file.readers = recipients.into_keys().collect();
        file.exposed = exposed;
        values
    }

    /// Notes which commits changed the files last. Outside of git, and where git cannot tell, none is noted.
    fn note_last_changes(&self, files: &mut [FileStatus]) -> Result<(), Error> {
        let Some(repository) = &self.repository else { return Ok(()) };
        let paths: HashSet<&[u8]> = files.iter().map(|file| file.file.as_bytes()).collect();
        let changes = repository.last_changes(&paths)?;
        for file in files {
            file.last_change = changes.get(file.file.as_bytes()).copied().filter(|change| !change.is_cut);
        }
        Ok(())
    }
}

/// Returns what the policy says of a file.
fn by_policy(file: String, policy: &Policy) -> FileStatus {
    let rule = policy.rule_for(&file);
    let granted = policy.readers_of(&file).into_keys().map(str::to_owned).collect();
    FileStatus {
        state: FileState::Plaintext,
        why: None,
        owner: rule.and_then(|rule| rule.owner.clone()),
        purpose: None,
        readers: Vec::new(),
        granted,
        rule_readers: rule.map(|rule| rule.readers.clone()).unwrap_or_default(),
        drift: Drift::default(),
        exposed: Vec::new(),
        values: ValueCounts::default(),
        last_change: None,
        file,
    }
}

fn all_surplus(header: &Header) -> Drift {
    drift(&header.recipients, &crate::policy::Readers::default())
}
