//! `secret verify`.

mod advice;
mod formats;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CommandError, Context};
use crate::ui::count;
use crate::workspace::{Finding, Level, Problem, VerifiedState, VerifyReport, VerifyRequest, Workspace};
use advice::{Circumstances, advice};

/// Check without any key that what git has is encrypted, whole, and read by the right people
///
/// Looks at every governed file of the work tree, or at what the next commit would hold (--staged), one commit (--rev)
/// or every commit of a range (--base). Exits with 3 if there are findings other than warnings. What passes is
/// consistent; that it is authentic only an identity can tell.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// Only these files and folders [default: all of the repository]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Check what the next commit would hold, and look for private keys in all that it changes
    #[arg(long, conflicts_with_all = ["rev", "base"])]
    staged: bool,
    /// Check what this commit holds; with --base, the last commit of the range [default there: HEAD]
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// Check every commit since this one, by the policy of this one, and compare with history
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// This member may gain what the change gives them (can be repeated)
    #[arg(long = "accept", value_name = "NAME")]
    accepted: Vec<String>,
    /// Count warnings as findings: what is overdue, exposed, or could not be checked
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print what another program reads
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Annotations of a workflow on GitHub
    Github,
    /// An XML test report, as CI systems show it
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Lines for people
    Text,
}

pub const EXAMPLES: &str = "\
Examples:
  secret verify
  secret verify --staged
  secret verify --rev HEAD --strict
  secret verify --base HEAD~1 --json";

pub fn run(arguments: VerifyArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let VerifyArgs { paths, staged, rev, base, accepted, strict, json, format } = arguments;
    let workspace = context.workspace(paths.first().map_or(".".as_ref(), PathBuf::as_path))?;
    let state = match (staged, base, rev) {
        (true, ..) => VerifiedState::Staged,
        (_, Some(base), to) => VerifiedState::Range { base, to: to.unwrap_or_else(|| "HEAD".to_owned()) },
        (_, None, Some(revision)) => VerifiedState::Tree(revision),
        (_, None, None) => VerifiedState::WorkTree,
    };
    let index_file = context.env.var("GIT_INDEX_FILE").filter(|_| staged).map(PathBuf::from);
    let request = VerifyRequest { paths, state, accepted, is_strict: strict, index_file };
    let report = workspace.verify(&request)?;
    if json {
        context.ui.print_json(&formats::json(&report))?;
    } else {
        match format {
            Format::Github => formats::github(&report).iter().try_for_each(|line| context.ui.print(line))?,
            Format::Junit => context.ui.print_text(&formats::junit(&report))?,
            Format::Sarif => context.ui.print_json(&formats::sarif(&report))?,
            Format::Text => {
                report.findings.iter().try_for_each(|finding| {
                    tell(finding.clone(), Circumstances::of(finding, &report), &workspace, context)
                })?;
            }
        }
    }
    report.notes.iter().for_each(|note| context.ui.note(note));
    conclude(&report, context)
}

/// Says what a finding is, in one line, and what to do about it in another.
fn tell(
    mut finding: Finding,
    circumstances: Circumstances<'_>,
    workspace: &Workspace<'_>,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    // As somebody in this folder would write it, so that what is advised can be pasted.
    finding.path = workspace.from_here(&finding.path);
    if let Problem::Moved { recorded: other } | Problem::Copy { other } = &mut finding.problem {
        *other = workspace.from_here(other);
    }
    let place = finding.line.map_or_else(|| finding.path.clone(), |line| format!("{}:{line}", finding.path));
    let owner = finding.owner.iter().map(|owner| format!("owner {owner}"));
    let commit = finding.commit.iter().map(|commit| format!("commit {}", commit.short()));
    let more: Vec<String> = [finding.problem.code().to_owned()].into_iter().chain(owner).chain(commit).collect();
    context.ui.print(&format!("{place}: {}: {} [{}]", finding.level, finding.problem, more.join(", ")))?;
    context.ui.print(&format!("    {}", advice(&finding, circumstances)))?;
    Ok(())
}

fn conclude(report: &VerifyReport, context: &Context<'_>) -> Result<(), CommandError> {
    let at = |level: Level| report.findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (at(Level::Error), at(Level::Warning));
    let mut looked_at = count(report.files, "file");
    if let Some(commits) = report.commits {
        looked_at = format!("{looked_at} in {}", count(commits, "commit"));
    }
    let by = report.judged_by.as_ref().map(|base| format!(", by the policy of {base}")).unwrap_or_default();
    let also = if warnings > 0 { format!(" and {}", count(warnings, "warning")) } else { String::new() };
    if report.is_refused() {
        let what = count(errors, "finding");
        return Err(CommandError::no(format!("{what}{also} ({looked_at}{by})")));
    }
    let also = if warnings > 0 { format!(", with {}", count(warnings, "warning")) } else { String::new() };
    context.ui.note(&format!("consistent: {looked_at}{by}{also}"));
    Ok(())
}
