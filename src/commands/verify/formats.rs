//! The report of `verify` for other programs. Each has its own way to quote what somebody else wrote.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::advice::{Circumstances, advice};
use crate::commands::annotation::annotation;
use crate::workspace::{Finding, Level, Problem, VerifyReport};

/// Our own format.
pub(super) fn json(report: &VerifyReport) -> Value {
    let gain = |problem: &Problem| match problem {
        Problem::PolicyWidens(gain) => {
            json!({ "rule": gain.rule, "member": gain.member(), "files": gain.files })
        }
        _ => Value::Null,
    };
    let findings = report.findings.iter().map(|finding| {
        json!({
            "code": finding.problem.code(), "level": finding.level.name(), "file": finding.path, "line": finding.line,
            "owner": finding.owner, "commit": finding.commit.map(|commit| commit.to_string()),
            "message": finding.problem.to_string(), "advice": advice(finding, Circumstances::of(finding, report)), "gain": gain(&finding.problem),
        })
    });
    json!({
        "version": 1, "consistent": !report.is_refused(), "files": report.files, "commits": report.commits,
        "policy_of": report.judged_by, "findings": findings.collect::<Vec<_>>(), "notes": report.notes,
    })
}

/// SARIF 2.1.0.
pub(super) fn sarif(report: &VerifyReport) -> Value {
    let rules: BTreeMap<&str, Value> = report
        .findings
        .iter()
        .map(|finding| {
            let code = finding.problem.code();
            (code, json!({ "id": code, "name": code, "shortDescription": { "text": code.replace('-', " ") } }))
        })
        .collect();
    let results = report.findings.iter().map(|finding| {
        let region = finding.line.map(|line| json!({ "startLine": line }));
        let mut place = json!({ "artifactLocation": { "uri": uri(&finding.path), "uriBaseId": "%SRCROOT%" } });
        if let Some(region) = region {
            place["region"] = region;
        }
        json!({
            "ruleId": finding.problem.code(), "level": finding.level.name(), "message": { "text": text(finding, report) },
            "locations": [{ "physicalLocation": place }],
            "properties": { "owner": finding.owner, "commit": finding.commit.map(|commit| commit.to_string()) },
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "secret", "version": env!("CARGO_PKG_VERSION"), "rules": rules.into_values().collect::<Vec<_>>(),
            } },
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

/// Workflow commands of GitHub, a line each.
pub(super) fn github(report: &VerifyReport) -> Vec<String> {
    let line = |finding: &Finding| {
        annotation(finding.level.name(), &finding.path, finding.line, finding.problem.code(), &text(finding, report))
    };
    report.findings.iter().map(line).collect()
}

/// `JUnit` XML: a test case for each finding, and one for all that is well.
pub(super) fn junit(report: &VerifyReport) -> String {
    let failures = report.findings.iter().filter(|finding| finding.level == Level::Error).count();
    let tests = report.findings.len() + 1;
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
         <testsuite name=\"secret verify\" tests=\"{tests}\" failures=\"{failures}\">\n    \
         <testcase classname=\"secret verify\" name=\"{} files examined\"/>\n",
        report.files
    );
    for finding in &report.findings {
        let (code, text) = (finding.problem.code(), xml(&text(finding, report)));
        let place = finding.line.map_or_else(|| finding.path.clone(), |line| format!("{}:{line}", finding.path));
        let _ = writeln!(out, "    <testcase classname=\"{}\" name=\"{code}\">", xml(&place));
        let _ = match finding.level {
            Level::Error => writeln!(out, "      <failure type=\"{code}\" message=\"{text}\"/>"),
            Level::Warning => writeln!(out, "      <system-out>warning: {text}</system-out>"),
        };
        out.push_str("    </testcase>\n");
    }
    out + "  </testsuite>\n</testsuites>\n"
}

/// Returns all that is to be said of a finding, in one line.
fn text(finding: &Finding, report: &VerifyReport) -> String {
    let owner = finding.owner.iter().map(|owner| format!("owner {owner}"));
    let more: Vec<String> =
        owner.chain(finding.commit.iter().map(|commit| format!("commit {}", commit.short()))).collect();
    let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
    format!("{}: {}{more}; {}", finding.path, finding.problem, advice(finding, Circumstances::of(finding, report)))
}

/// Spells a path as a relative URI.
fn uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let spell = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    path.bytes().map(spell).collect()
}

/// Spells a text for an attribute or an element. XML has no way to write most control characters.
fn xml(text: &str) -> String {
    let spell = |character: char| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\u{fffe}' | '\u{ffff}' => character.escape_unicode().to_string(),
        _ if character.is_control() => character.escape_unicode().to_string(),
        _ => character.to_string(),
    };
    text.chars().map(spell).collect()
}

#[cfg(test)]
mod tests {
    use super::{uri, xml};

    #[test]
    fn hostile_names_stay_names() {
        assert_eq!(uri("a b/%\n\u{e4}"), "a%20b/%25%0A%C3%A4");
        assert_eq!(xml("<a>&\"\n\u{1b}"), "&lt;a&gt;&amp;&quot;\\u{a}\\u{1b}");
    }
}
