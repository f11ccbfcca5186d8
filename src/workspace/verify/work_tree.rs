//! The files of the work tree as they are, tracked or not; what git ignores only where it is named.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::content::{Content, Search};
use super::copies::Copies;
use super::finding::{Finding, Level, Problem};
use super::judge::Judge;
use super::policy_change::gains;
use super::{VerifyReport, VerifyRequest, policies};
use crate::envelope::native::{MAX_ENCRYPTED, OPAQUE_TOP, PEEK, peek_file_id};
use crate::fs::{self, FsError, Kind, Root, Source};
use crate::git::Repository;
use crate::workspace::list::is_other_repository;
use crate::workspace::{Error, STREAM_ABOVE, Workspace, each_on_all_cores};

/// A file of the work tree.
struct Listed {
    path: PathBuf,
    recorded: Vec<u8>,
    kind: Kind,
    is_named: bool,
}

impl Workspace<'_> {
    pub(super) fn verify_work_tree(&self, request: &VerifyRequest) -> Result<VerifyReport, Error> {
        let policy = self.required_policy()?;
        let judge = Judge { own: Some(policy), base: None, accepted: &request.accepted, today: self.today() };
        let mut report = VerifyReport::default();
        report.add(policies::expired(policy, &self.policy_text()?.unwrap_or_default(), self.today()));
        let mut listed = self.listed(request, &judge, &mut report)?;
        if let Some(repository) = &self.repository {
            let index = repository.index()?;
            let mut kept = Vec::with_capacity(listed.len());
            for file in listed {
                let is_seen = file.is_named || index.find(&file.recorded).is_some();
                let relative = Path::new(std::ffi::OsStr::from_bytes(&file.recorded));
                if is_seen || !repository.is_ignored(relative)? {
                    kept.push(file);
                }
            }
            listed = kept;
        }
        let (within, search) = (self.within(), self.search());
        let contents = each_on_all_cores(&listed, |file| match file.kind {
            Kind::File => Some(examine(&file.path, within, search)),
            _ => None,
        });
        let mut copies = Copies::default();
        for (file, content) in listed.iter().zip(&contents) {
            if let Some(header) = content.as_ref().and_then(|content| content.as_ref().ok()?.header_of()) {
                copies.add(header.file_id, &String::from_utf8_lossy(&file.recorded));
            }
        }
        for (file, content) in listed.iter().zip(contents) {
            let Some(content) = content else {
                report.add(judge.symlink(&file.recorded, None));
                continue;
            };
            let content = content?;
            report.files += 1;
            let was_encrypted = || self.repository.as_ref().is_some_and(|git| was_encrypted(git, &file.recorded));
            report.add(judge.findings(&file.recorded, &content, was_encrypted, None));
            if let Some(header) = content.header_of() {
                report.add(copies.finding(&String::from_utf8_lossy(&file.recorded), header, None));
            }
        }
        if let Some(head) = self.head_policy()? {
            let paths = listed.iter().filter_map(|file| str::from_utf8(&file.recorded).ok());
            let gained = gains(head, policy, paths).into_iter();
            report.add(gained.map(|gain| policies::of_policy(None, Level::Warning, Problem::PolicyWidens(gain))));
        }
        Ok(report)
    }

    /// Lists the governed files, and what else is named.
    fn listed(
        &self,
        request: &VerifyRequest,
        judge: &Judge<'_>,
        report: &mut VerifyReport,
    ) -> Result<Vec<Listed>, Error> {
        let root = self.folder().to_path_buf();
        let mut listed = Vec::new();
        if request.paths.is_empty() {
            listed.extend(self.ungoverned()?.into_iter().map(|target| Listed {
                recorded: target.recorded.unwrap_or(target.shown).into_bytes(),
                path: target.path,
                kind: Kind::File,
                is_named: false,
            }));
        }
        let places = if request.paths.is_empty() { vec![None] } else { request.paths.iter().map(Some).collect() };
        for place in places {
            let (top, below) = match place {
                None => (root.clone(), String::new()),
                Some(path) => {
                    let target = self.target(path)?;
                    (target.path.clone(), target.recorded.clone().unwrap_or_default())
                }
            };
            match fs::kind(&top)? {
                Some(Kind::Folder) => walk(&top, &below, judge, &mut listed, report)?,
                Some(kind @ (Kind::File | Kind::Symlink)) => {
                    if kind == Kind::Symlink || !is_encrypted(&top, self.within())? {
                        // What no rule is for is somebody else's business; but it was asked for.
                        let target = self.target(place.map_or(Path::new("."), PathBuf::as_path))?;
                        self.rule(&target)?;
                    }
                    listed.push(Listed { path: top, recorded: below.into_bytes(), kind, is_named: true });
                }
                _ => return Err(FsError::Missing { path: top }.into()),
            }
        }
        listed.sort_by(|one, other| one.recorded.cmp(&other.recorded));
        listed.dedup_by(|one, other| one.recorded == other.recorded);
        Ok(listed)
    }
}

fn walk(
    top: &Path,
    below: &str,
    judge: &Judge<'_>,
    listed: &mut Vec<Listed>,
    report: &mut VerifyReport,
) -> Result<(), Error> {
    let recorded = |relative: &Path| {
        let relative = relative.as_os_str().as_bytes();
        if below.is_empty() { relative.to_vec() } else { [below.as_bytes(), b"/", relative].concat() }
    };
    let mut others = Vec::new();
    let found = fs::walk_with_links(top, |folder| {
        let path = recorded(folder);
        let path = String::from_utf8_lossy(&path);
        if !judge.can_govern_below(&path) {
            return false;
        }
        // A repository of its own has a policy of its own.
        let is_other = is_other_repository(&top.join(folder));
        if is_other {
            others.push(path.into_owned());
        }
        !is_other
    })?;
    report
        .notes
        .extend(others.into_iter().map(|other| format!("{other} is a repository of its own, and was not checked")));
    for (relative, kind) in found {
        let path = recorded(&relative);
        if judge.rule(&String::from_utf8_lossy(&path)).is_some() {
            listed.push(Listed { path: top.join(&relative), recorded: path, kind, is_named: false });
        }
    }
    Ok(())
}

/// Tells whether HEAD or the index has a file encrypted.
fn was_encrypted(repository: &Repository, path: &[u8]) -> bool {
    let Ok(ids) = repository.file_ids(Path::new(std::ffi::OsStr::from_bytes(path))) else { return false };
    ids.into_iter()
        .flatten()
        .any(|id| repository.content_top(id, PEEK, MAX_ENCRYPTED).is_ok_and(|top| peek_file_id(&top).is_some()))
}

fn is_encrypted(path: &Path, within: Option<&Root>) -> Result<bool, Error> {
    Ok(peek_file_id(&fs::read_top(path, within, PEEK)?).is_some())
}

/// Examines a file, of one that is too large for memory the top and then the rest as it streams past.
fn examine(path: &Path, within: Option<&Root>, search: Search) -> Result<Content, Error> {
    let source = Source::open(path, within)?;
    if source.length() <= STREAM_ABOVE {
        return Ok(Content::of(&source.content(MAX_ENCRYPTED)?, search));
    }
    let top = source.top(OPAQUE_TOP)?;
    let is_large = source.length() > MAX_ENCRYPTED as u64;
    if is_large || crate::envelope::native::OpaqueTop::parse(&top).is_ok_and(|top| top.is_some()) {
        return Ok(Content::of_top(&top, search, |opaque| {
            opaque.is_intact(|from| source.reader(from)).map(Some).map_err(|error| error.to_string())
        }));
    }
    Ok(Content::of(&source.content(MAX_ENCRYPTED)?, search))
}

impl VerifyReport {
    /// Reports what a state's files are, one after the other.
    pub(super) fn governed(&mut self, findings: Vec<Finding>) {
        self.files += 1;
        self.add(findings);
    }
}
