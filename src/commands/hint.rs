//! What to do about an error: the line that begins with `hint:`.

use std::path::Path;

use crate::document::Problem;
use crate::envelope::native::{CarrierError, OpenError, ReadError, SealError};
use crate::fs::{FsError, Kind, Step};
use crate::generate::RecipeError;
use crate::git::{GitError, Unsupported};
use crate::keys::{PluginError, PluginName, SettingsError, SettingsProblem, UnwrapError, WrapError};
use crate::policy::edit::EditError;
use crate::policy::{CODEOWNERS, CodeOwnersProblem};
use crate::process::ProcessError;
use crate::workspace::{Error, HistoryError, Unencrypted, WiringError};

/// Returns what to do about an error of the workspace, a line each.
pub(super) fn hints_of(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::AlreadyEncrypted { path } => format!("change it with `secret edit {}`", quote(path)),
        Error::AtOtherPath { .. } | Error::RolledBack { .. } | Error::TwoPaths { .. } => return place_hint(error),
        Error::Consent { .. } | Error::ConsentToClear { .. } => return consent_hint(error),
        Error::CodeOwners { .. } | Error::NoCodeOwners { .. } => return code_owners_hint(error),
        Error::Drifted { path, .. } => format!("run `secret rekey {}`: it makes a new data key", quote(path)),
        Error::Fs(source) => return fs_hint(source),
        Error::Git(source) => return git_hint(source),
        Error::Wiring(source) => return wiring_hint(source),
        Error::KeyNotFound { similar, path, .. } => match similar.as_slice() {
            [] => format!("`secret ls {}` lists its keys", quote(path)),
            similar => format!("did you mean {}?", similar.join(" or ")),
        },
        Error::KnownToFormerReader { .. } => {
            "set new values with `secret set`; to put them back all the same, add --allow-exposed".to_owned()
        }
        Error::LargeInGit { .. } => "start a new file, with a key of its own, by --fresh".to_owned(),
        Error::MetadataMissing { fields, .. } => {
            let options: Vec<String> = fields.iter().map(|field| format!("{} …", option_of(field))).collect();
            format!("give {}, or write it above the scissors line in `secret edit`", options.join(" "))
        }
        Error::MergePlaintext { .. } | Error::RemovedBySide { .. } | Error::Unmerged { .. } => {
            return merge_hint(error);
        }
        Error::NoRepository { .. } => "go into a repository, or say which with -C".to_owned(),
        Error::NestedPolicy { path } => {
            format!("move its rules into .secret.toml at the root, and remove {}", quote(path))
        }
        Error::History(source) => return history_hint(source),
        Error::NoKeys { path } => format!("read all of it with `secret decrypt {}`", quote(path)),
        Error::NoPolicy { .. } => {
            "run `secret init`, or bring the one back that git's history has: `git log -- .secret.toml`".to_owned()
        }
        Error::NotAFollower { path } => format!(
            "a former reader could have made it. If it was rekeyed twice in one commit by somebody you trust, `secret rekey --new-key {}` makes a key of your own",
            quote(path)
        ),
        Error::SealsLess { path, .. } => {
            format!("run `secret rekey {}`: it seals what the policy demands", quote(path))
        }
        Error::UncommittedKey { .. } => {
            "commit it before you rekey again, so that history can tell who made which key".to_owned()
        }
        Error::NotAuthentic { source, path } => return authenticity_hint(source, path),
        Error::NotEncrypted { path, what } => return plaintext_hint(path, *what),
        Error::NoWorkspace { .. } => "name files of a repository that has a policy".to_owned(),
        Error::NotGoverned { path, rules } => {
            let rules = if rules.is_empty() { "none".to_owned() } else { rules.join(", ") };
            format!("the rules are for {rules}; add one for {} to .secret.toml", quote(path))
        }
        Error::PathNotUtf8 { .. } => "rename it: with `git mv` if git has it, else with `mv`".to_owned(),
        Error::Outside { .. } => "run it once for each repository, or with -C DIR".to_owned(),
        Error::Expired { .. }
        | Error::LastInTime { .. }
        | Error::LastKey { .. }
        | Error::NoRequest { .. }
        | Error::RemovesOwnKey { .. }
        | Error::RemovesSelf { .. }
        | Error::RequestOfAnother { .. }
        | Error::UnknownReader { .. } => return member_hint(error),
        Error::PolicyEdit(source) => return policy_hint(source),
        Error::Read { source, path } => return read_hint(source, path),
        Error::Seal { source: SealError::AlreadyToken { .. }, .. } => {
            "write the value itself; what is encrypted elsewhere cannot be pasted".to_owned()
        }
        Error::Seal { source: SealError::TooManyPatterns, .. } => {
            "write fewer and wider patterns, as `metadata.**`; what no pattern matches is sealed".to_owned()
        }
        Error::Seal { source: SealError::NotText, .. } | Error::Syntax { .. } => return syntax_hint(error),
        Error::TooLargeToEdit { path } => {
            format!("write its new content to a file, then `secret encrypt FILE -o {}`", quote(path))
        }
        Error::Unwrap { source, readers, .. } => return unwrap_hint(source, readers),
        Error::Wrap { source: WrapError::Incompatible, .. } => {
            "one of them is a plugin's that wants no others beside it; give the readers recipients of one kind"
                .to_owned()
        }
        Error::Wrap { source: WrapError::Plugin(source), .. } => return plugin_hint(source),
        _ => return rotation_hint(error),
    };
    vec![hint]
}

/// What to do about a file that is not encrypted.
fn plaintext_hint(path: &str, what: Unencrypted) -> Vec<String> {
    let path = quote(path);
    let hint = match what {
        Unencrypted::Age => {
            format!("it is a file of age itself, as drafts of `secret edit` are: `age -d -i IDENTITY {path}`")
        }
        Unencrypted::Governed => format!("encrypt it with `secret encrypt {path}`"),
        Unencrypted::NotGoverned => {
            format!("no rule is for it: add one to .secret.toml, then `secret encrypt {path}`; or name another file")
        }
        Unencrypted::Outside => "it is outside of any repository with a policy; name a file of one".to_owned(),
        Unencrypted::Policy => "the policy stands in clear; name a file that one of its rules is for".to_owned(),
        Unencrypted::Version => return Vec::new(),
    };
    vec![hint]
}

/// What to do about a file that stands elsewhere than it was encrypted for, or is older than what history has of it.
fn place_hint(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::AtOtherPath { path, recorded } => format!(
            "if it was moved on purpose, put it back with `mv -n {1} {0}` and run `secret mv {0} {1}`; to read it here all \
             the same: `secret decrypt --at-any-path {1}`",
            quote(recorded),
            quote(path)
        ),
        Error::RolledBack { path, newest, .. } => {
            format!("take the newest one: `git checkout {newest} -- {}`", quote(path))
        }
        Error::TwoPaths { path, other } => format!(
            "give the copy a key of its own: `secret decrypt --in-place --at-any-path {0}`, then `secret encrypt --fresh {0}`; \
             if {1} is the copy, do it there",
            quote(other),
            quote(path)
        ),
        _ => return Vec::new(),
    };
    vec![hint]
}

/// How to agree to what a command asks.
fn consent_hint(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::Consent { .. } => {
            "answer at a terminal; or commit the policy and give --yes, or name each new reader with --add NAME"
                .to_owned()
        }
        Error::ConsentToClear { is_part: false, .. } => "answer at a terminal, or give --allow-cleartext".to_owned(),
        Error::ConsentToClear { is_part: true, .. } => {
            "answer at a terminal, or run `secret rekey --allow-cleartext` and commit first".to_owned()
        }
        _ => return Vec::new(),
    };
    vec![hint]
}

/// What to do about a merge that nobody can make by key.
fn merge_hint(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::MergePlaintext { path } => {
            format!("edit {} as any other text; a policy wants it encrypted", quote(path))
        }
        Error::RemovedBySide { path, .. } => {
            format!("`git add {0}` keeps it, `git rm {0}` removes it", quote(path))
        }
        Error::Unmerged { path } => format!(
            "take one side with `git checkout --ours -- {0}` or `git checkout --theirs -- {0}`, then make the other change again",
            quote(path)
        ),
        _ => return Vec::new(),
    };
    vec![hint]
}

/// What to do about a value that cannot be rotated, or of which nothing can be said.
fn rotation_hint(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::ChangedMeanwhile { .. } => "look at what changed, and run the command again".to_owned(),
        // The pending value keeps its day on this way, and is never gone before somebody has said so.
        Error::ChangedSinceBegin { path, key, previous, pending } => format!(
            "`secret get {0} {2}` shows the value that waits; to take it all the same, put the former one back with \
             `secret get {0} {3} | secret set {0} {1} --stdin`, then --finish; to drop it, `secret rotate {0} {1} --abort`",
            quote(path),
            quote(key),
            quote(pending),
            quote(previous)
        ),
        Error::InClear { path, .. } => format!(
            "`cleartext` in the rule decides what stands in clear; `secret rekey {}` adopts a change of it",
            quote(path)
        ),
        Error::NoRotation { path, left: Some(sibling), .. } | Error::SiblingTaken { path, sibling, .. } => format!(
            "rotate it in one step, without --begin; if {sibling} is left of a rotation, `secret get {0} {1}` shows it, \
             `secret unset {0} {1}` removes it",
            quote(path),
            quote(sibling)
        ),
        Error::NoRotation { path, key, left: None, .. } => {
            format!("`secret rotate {} {} --begin` puts a new value beside the current one", quote(path), quote(key))
        }
        Error::NoRecipe { path, key } => format!(
            "name one: `secret rotate {} {} --generate password:32`; --keep-recipe keeps it for the next time",
            quote(path),
            quote(key)
        ),
        Error::NoSibling { .. } => "rotate it in one step, without --begin".to_owned(),
        Error::RotationBegun { path, key, .. } => format!(
            "`secret rotate {0} {1} --finish` puts the pending value in its place, --abort removes it",
            quote(path),
            quote(key)
        ),
        Error::Recipe(source) => recipe_hint(source),
        Error::SameValue { .. } => {
            "nothing was changed; a rotation is over only when the value is another one".to_owned()
        }
        Error::PastDay { .. } => {
            "write a day from today on; with --allow-past, what was last replaced on that day or before is overdue at once"
                .to_owned()
        }
        Error::NotOneValue { path, .. } => format!("name one value; `secret ls {}` lists them", quote(path)),
        _ => return Vec::new(),
    };
    vec![hint]
}

/// What to do about a text that is no recipe.
pub(super) fn recipe_hint(error: &RecipeError) -> String {
    match error {
        RecipeError::Weak { stronger, .. } => {
            format!("{stronger} is strong enough; a short value that must be so is set with `secret set`")
        }
        _ => "`secret generate --help` has examples".to_owned(),
    }
}

/// What to do about a file `CODEOWNERS` that is not there, or that is read otherwise elsewhere.
fn code_owners_hint(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::CodeOwners { source, .. } if source.problem == CodeOwnersProblem::Section => {
            "write the lines that are for secrets into a file without sections, and name it: --from-codeowners=FILE"
                .to_owned()
        }
        Error::NoCodeOwners { .. } => {
            format!("looked at are {}; name another file: --from-codeowners=FILE", CODEOWNERS.join(", "))
        }
        _ => "correct the line, or name another file: --from-codeowners=FILE".to_owned(),
    };
    vec![hint]
}

/// What to do about somebody, or a key, that cannot be taken in or out.
fn member_hint(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::Expired { member, .. } => format!(
            "`secret member remove {0}` ends it; `secret member expires {0} DAY` gives another day",
            quote(member)
        ),
        Error::LastInTime { .. } => {
            "name another reader in these rules first, or give one more time: `secret member expires NAME DAY`"
                .to_owned()
        }
        Error::NoRequest { others, .. } if !others.is_empty() => format!("there are requests of {}", others.join(", ")),
        Error::NoRequest { .. } => "a newcomer makes one with `secret request NAME`".to_owned(),
        Error::RequestOfAnother { .. } => "have its author make it again with `secret request NAME`".to_owned(),
        Error::LastKey { member: name, .. } | Error::RemovesOwnKey { name } => format!(
            "add a new key first: `secret keygen`, `secret member add {} RECIPIENT --another-key`, commit, `secret rekey`; then take this one out",
            quote(name)
        ),
        Error::RemovesSelf { name } => {
            format!("ask another member to run `secret member remove {}`", quote(name))
        }
        Error::UnknownReader { is_cut: true, .. } => {
            "the history of this clone was cut off: `git fetch --unshallow` brings the rest".to_owned()
        }
        Error::UnknownReader { .. } => {
            "`secret member list` shows the members, `secret who FILE` the readers".to_owned()
        }
        _ => return Vec::new(),
    };
    vec![hint]
}

fn policy_hint(error: &EditError) -> Vec<String> {
    let hint = match error {
        EditError::LastReader { .. } => "name another reader in these rules first, or remove the rules and their files",
        EditError::NameOfOther { .. } => "members and groups share their names: take another one",
        EditError::RecipientTwice { .. } => "give each public key once",
        EditError::RecipientTaken { .. } => "one key belongs to one member; `secret member list` shows whose it is",
        EditError::Taken { .. } => {
            "another key of the same member is added with --another-key; others need a name of their own"
        }
        EditError::NoMember { .. } => "`secret member list` shows the members",
        EditError::AlreadyIn { .. } | EditError::NoGroup { .. } | EditError::NotIn { .. } => {
            "`secret group list` shows the groups, and who is in them"
        }
        EditError::Invalid(_) => "nothing was changed; `secret member list` and `secret group list` show what there is",
        EditError::Name { .. } => "write one as `alice` or `alice@example.com`",
        EditError::Unchangeable => return Vec::new(),
    };
    vec![hint.to_owned()]
}

/// What to do about a version that is not to be had from git.
fn history_hint(error: &HistoryError) -> Vec<String> {
    let hint = match error {
        HistoryError::NoCommit { has_commits: false, .. } => "nothing is committed yet".to_owned(),
        HistoryError::NeverCommitted { is_shallow: true, .. }
        | HistoryError::NoCommit { is_shallow: true, .. }
        | HistoryError::NoMergeBase { is_shallow: true, .. }
        | HistoryError::NoSuchKeyEver { is_cut: true, .. } => {
            "the history of this clone was cut off: `git fetch --unshallow` brings the rest".to_owned()
        }
        HistoryError::NoRevision { .. } => "write FILE@REV, as in secrets/db.yaml@HEAD~1".to_owned(),
        HistoryError::NotInCommit { path, .. } => format!("`secret log {}` shows which commits have it", quote(path)),
        HistoryError::OtherFile { path, .. } | HistoryError::OtherFormat { path, .. } => {
            format!("`secret show {}` prints it; take from that what you need", quote(path))
        }
        HistoryError::PlaintextInHistory { .. } => {
            "`git show REV:FILE` prints it; who has the repository knows these values".to_owned()
        }
        HistoryError::NoSuchKeyEver { path, .. } => format!("`secret log {}` shows what was changed", quote(path)),
        HistoryError::NoCommit { .. } => "name a branch, a tag or the beginning of a commit's name".to_owned(),
        HistoryError::NoKeysInVersion { path } => format!("print all of it with `secret show {}`", quote(path)),
        HistoryError::TooLargeInGit { .. } => {
            "`git show REV:FILE > OUT` writes it as it is encrypted; then `secret decrypt --at-any-path OUT`".to_owned()
        }
        HistoryError::NeverCommitted { .. } | HistoryError::NoMergeBase { .. } => return Vec::new(),
    };
    vec![hint]
}

fn wiring_hint(error: &WiringError) -> Vec<String> {
    let hint = match error {
        WiringError::Fs(source) => return fs_hint(source),
        WiringError::Git { .. } => return Vec::new(),
        WiringError::InactiveHook { path } => {
            format!(
                "`chmod +x {0}`, or remove it; then run `secret git install` again",
                quote(&path.display().to_string())
            )
        }
        WiringError::NoRepository => "run `git init` first".to_owned(),
        WiringError::Process(_) => "install git in a folder of PATH".to_owned(),
        WiringError::SharedHooks { folder } => format!(
            "add `secret verify --staged` to {} yourself, and run `secret git install --no-hook` here; or give this \
             repository its own hooks: `git config core.hooksPath .git/hooks`",
            quote(&folder.join("pre-commit").display().to_string())
        ),
    };
    vec![hint]
}

fn git_hint(error: &GitError) -> Vec<String> {
    let hint = match error {
        GitError::Bare { .. } => "run it in a work tree: `git worktree add FOLDER`, or a clone".to_owned(),
        GitError::ForeignOwned { root } => format!(
            "if you trust its owner: `git config --global --add safe.directory {}`",
            quote(&root.display().to_string())
        ),
        GitError::MissingObject { is_shallow: true, .. } => {
            "the history of this clone was cut off: `git fetch --unshallow` brings the rest".to_owned()
        }
        GitError::BrokenObject { .. } | GitError::Git { is_damaged: true, .. } | GitError::MissingObject { .. } => {
            "the repository is damaged: `git fsck` lists what is broken or missing; take that from another clone"
                .to_owned()
        }
        GitError::Outside { .. } => "name files of this repository; others with -C DIR, once for each".to_owned(),
        GitError::NoProgram { .. } => "install git in a folder of PATH".to_owned(),
        GitError::Unsupported { what: Unsupported::PartialClone, .. } => {
            "nothing is fetched by secret: `git checkout` or `git show` fetches it, or clone without --filter"
                .to_owned()
        }
        GitError::UnknownRevision { .. } => {
            "`git log --all --oneline` lists commits; a shallow clone has few: `git fetch --unshallow`".to_owned()
        }
        _ => return Vec::new(),
    };
    vec![hint]
}

/// Returns the option of `secret meta` for a field.
pub(super) fn option_of(field: &str) -> String {
    if field == "links" { "--link".to_owned() } else { format!("--{}", field.replace('_', "-")) }
}

fn authenticity_hint(error: &OpenError, path: &str) -> Vec<String> {
    let hint = match error {
        OpenError::HalfEncrypted { .. } => {
            "take the file from git's history and make the change with `secret edit` or `secret set`"
        }
        OpenError::Misplaced { .. } | OpenError::Forged { .. } | OpenError::Changed { .. } | OpenError::Digest => {
            "encrypted files are changed with `secret edit`, `secret set` and `secret unset`; `git log -p` shows who changed this one"
        }
        OpenError::HeaderMac | OpenError::Mismatch(_) | OpenError::Recipe { .. } => {
            let hint = "readers and metadata are changed with `secret rekey` and `secret meta`, never by hand";
            return vec![hint.to_owned(), take_back(path)];
        }
        OpenError::Body => "take the file from git's history",
    };
    vec![hint.to_owned()]
}

/// How to take back what was done to a file by hand.
fn take_back(path: &str) -> String {
    // Of a version the name says more than git takes for a path.
    let path = if path.contains(['@', ' ']) { "FILE".to_owned() } else { quote(path) };
    format!(
        "`git checkout HEAD -- {path}` takes it back; if it is committed like that, `git log -- {path}` shows since when: \
         `git checkout COMMIT~ -- {path}`"
    )
}

fn read_hint(error: &ReadError, path: &str) -> Vec<String> {
    let hint = match error {
        ReadError::Conflict { .. } => {
            format!(
                "settle it with `secret resolve {0}`, or take one side with `git checkout --ours -- {0}`",
                quote(path)
            )
        }
        ReadError::Carrier(CarrierError::NewerVersion { .. }) => "install a newer `secret`".to_owned(),
        _ => {
            "take the file from git's history; headers are changed with `secret meta` and `secret rekey`, never by hand"
                .to_owned()
        }
    };
    vec![hint]
}

fn syntax_hint(error: &Error) -> Vec<String> {
    let hint = match error {
        Error::Syntax { source, .. }
            if matches!(
                source.problem,
                Problem::TooDeep | Problem::TooLarge | Problem::TooManyItems | Problem::TooManyValues
            ) =>
        {
            "seal it as a whole with --format opaque"
        }
        _ => "correct it, or seal it as a whole with --format opaque",
    };
    vec![hint.to_owned()]
}

pub(super) fn unwrap_hint(error: &UnwrapError, readers: &[String]) -> Vec<String> {
    let who = format!("it can be read by {}", readers.join(", "));
    match error {
        UnwrapError::NoIdentity => {
            vec![who, "make an identity with `secret keygen`, or name one with --identity FILE".to_owned()]
        }
        UnwrapError::NoMatch { .. } => {
            let whom = if let [reader] = readers { reader } else { "one of them" };
            vec![
                who,
                format!(
                    "ask {whom} to run `secret member add` and `secret rekey` for you, or name another identity with --identity FILE"
                ),
            ]
        }
        UnwrapError::NoTerminal { .. } => {
            vec!["run it at a terminal, or use an identity without a passphrase".to_owned()]
        }
        UnwrapError::Malformed(_) | UnwrapError::NotAuthentic => vec!["take the file from git's history".to_owned()],
        UnwrapError::Plugin(source) => plugin_hint(source),
        _ => Vec::new(),
    }
}

pub(super) fn plugin_hint(error: &PluginError) -> Vec<String> {
    let hint = match error {
        PluginError::NoTerminal { .. } => "run it at a terminal".to_owned(),
        PluginError::NotAllowed { name, settings: Some(settings) } => {
            format!("if you trust it, write `{} = true` under [plugins] in {}", toml_key(name), settings.display())
        }
        PluginError::NotAllowed { settings: None, .. } => {
            "set HOME or XDG_CONFIG_HOME: plugins are allowed in secret/config.toml there".to_owned()
        }
        PluginError::Program { name, source } => match source.as_ref() {
            ProcessError::InRepository { .. } => "install it outside of the repository".to_owned(),
            ProcessError::NotFound { .. } => format!(
                "install it in a folder of PATH, or write where it is: `{} = \"/…/age-plugin-{name}\"`",
                toml_key(name)
            ),
            _ => return Vec::new(),
        },
        PluginError::Settings(SettingsError { path, problem, .. }) => return settings_hint(path, problem),
        _ => return Vec::new(),
    };
    vec![hint]
}

pub(super) fn settings_hint(path: &Path, problem: &SettingsProblem) -> Vec<String> {
    let hint = match problem {
        SettingsProblem::InRepository => {
            "let XDG_CONFIG_HOME or HOME name a folder outside of the repository".to_owned()
        }
        SettingsProblem::Read(source) => match source.as_ref() {
            FsError::NotOwn { .. } => {
                format!("look at what stands there, and run `chmod go-w {}`", quote(&path.display().to_string()))
            }
            _ => return Vec::new(),
        },
        SettingsProblem::Syntax(_) => return Vec::new(),
        _ => "write `NAME = true`, or `NAME = \"/absolute/path\"`, under [plugins]".to_owned(),
    };
    vec![hint]
}

/// Returns the name of a plugin as a key of TOML.
fn toml_key(name: &PluginName) -> String {
    let name = name.as_str();
    if name.contains(['.', '+']) { format!("\"{name}\"") } else { name.to_owned() }
}

fn fs_hint(error: &FsError) -> Vec<String> {
    let hint = match error {
        FsError::Busy { .. } => "run the command again when the other one has ended",
        FsError::Journal { .. } => {
            "look at it; if you do not know where it comes from, remove it, and run `secret rekey --check`"
        }
        FsError::Unfinished { .. } => "run `secret rekey` again: it finishes what was begun",
        FsError::Changed { .. } => "look at what changed, and run the command again",
        FsError::Link { .. } => "name the file or folder itself",
        FsError::Locked { .. } => "run the command again when the other one has ended",
        FsError::NotFile { kind: Kind::Folder, .. } => "name a file in it",
        FsError::Permission { step: Step::Create | Step::Remove | Step::Replace, path } => {
            let folder = path.parent().unwrap_or(path).display().to_string();
            return vec![format!(
                "files are replaced, not changed: it takes the right to write in the folder {}",
                quote(&folder)
            )];
        }
        FsError::Outside { .. } => "nothing is read or written outside of the repository",
        _ => return Vec::new(),
    };
    vec![hint.to_owned()]
}

/// Returns a path as a shell takes it.
pub(super) fn quote(path: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-/+@%=,".contains(character);
    if !path.is_empty() && !path.starts_with('-') && path.chars().all(is_plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
