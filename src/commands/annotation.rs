//! Annotations of a workflow on GitHub.

/// Returns a workflow command: a line that GitHub shows beside a line of a file. Nothing in it can end it.
pub fn annotation(level: &str, file: &str, line: Option<usize>, title: &str, text: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let at = line.map(|line| format!(",line={line}")).unwrap_or_default();
    format!("::{level} file={}{at},title={}::{}", property(file), property(title), data(text))
}
