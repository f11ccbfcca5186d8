//! Finding private keys in any text: in a commit they are for everybody who can read the repository, for ever.
//!
//! What only names such keys (a manual, a program that looks for them) is none: there has to be key material behind.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// The kinds of private keys that are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrivateKeyKind {
    /// An age identity.
    Age,
    /// An age identity for post-quantum recipients.
    AgePostQuantum,
    /// Any other key in PEM: of TLS, PGP, a token service.
    Pem,
    /// A key of OpenSSH or `PuTTY`.
    Ssh,
}

impl fmt::Display for PrivateKeyKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Age => "an age identity",
            Self::AgePostQuantum => "a post-quantum age identity",
            Self::Pem => "a private key in PEM",
            Self::Ssh => "a private SSH key",
        })
    }
}

/// Returns the lines (from 1) on which private keys begin.
pub fn private_keys(content: &[u8]) -> Vec<(usize, PrivateKeyKind)> {
    let text = without_utf16(content);
    let mut found: Vec<(usize, PrivateKeyKind)> = Vec::new();
    let (mut line, mut counted, mut end) = (1, 0, 0);
    for mark in MARKS_OF.find_iter(&*text) {
        if mark.start() < end {
            continue;
        }
        let Some((kind, length)) = key_at(&text, mark.start(), mark.end(), mark.pattern().as_usize()) else { continue };
        line += text[counted..mark.start()].split(|byte| *byte == b'\n').count() - 1;
        (counted, end) = (mark.start(), mark.end() + length);
        if found.last() != Some(&(line, kind)) {
            found.push((line, kind));
        }
    }
    found
}

/// Tells what key has this mark, and how many bytes behind the mark belong to it.
fn key_at(text: &[u8], start: usize, end: usize, mark: usize) -> Option<(PrivateKeyKind, usize)> {
    let rest = &text[end..];
    match mark {
        AGE => {
            // One after the other, as both are `AGE-SECRET-KEY-…`.
            let after = |head: &str| {
                let own = rest.get(..head.len())?.eq_ignore_ascii_case(head.as_bytes()).then(|| &rest[head.len()..])?;
                let length = own.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                (length >= MIN_BECH32).then_some(length)
            };
            after("PQ-1")
                .map(|length| (PrivateKeyKind::AgePostQuantum, length))
                .or_else(|| Some((PrivateKeyKind::Age, after("1")?)))
        }
        OPENSSH => Some((PrivateKeyKind::Ssh, base64_length(rest).filter(|length| *length >= MIN_BASE64)?)),
        PEM => {
            let head = &text[start.saturating_sub(MAX_LABEL)..start];
            let label = &head[head.windows(BEGIN.len()).rposition(|window| window == BEGIN)? + BEGIN.len()..];
            let is_label = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' ');
            let close = rest.windows(5).take(MAX_LABEL).position(|window| window == b"-----")?;
            if !is_label(label) || !is_label(&rest[..close]) {
                return None;
            }
            let length = base64_length(&rest[close + 5..]).filter(|length| *length >= MIN_BASE64)?;
            let is_ssh = label.starts_with(b"OPENSSH");
            Some((if is_ssh { PrivateKeyKind::Ssh } else { PrivateKeyKind::Pem }, close + 5 + length))
        }
        _ => {
            let body = rest.windows(PUTTY_BODY.len()).take(MAX_PUTTY).position(|window| window == PUTTY_BODY)?;
            Some((PrivateKeyKind::Ssh, body + PUTTY_BODY.len()))
        }
    }
}

/// Counts the base64 at the start of a text, over line ends (also spelled ones, as in JSON), quotes and header lines
/// (`Proc-Type: …`); `None` where something else stands first.
fn base64_length(text: &[u8]) -> Option<usize> {
    let text = &text[..text.len().min(MAX_LOOK)];
    let (mut at, mut count, mut longest) = (0, 0, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => {
                let run = text[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=-".contains(byte));
                let run = run.count();
                let behind = text.get(at + run).copied();
                // `Proc-Type: 4,ENCRYPTED`, `DEK-Info: …`, `Version: …`, `Comment: …`.
                if behind == Some(b':') {
                    at += text[at..].iter().position(|byte| *byte == b'\n').unwrap_or(text.len() - at);
                    continue;
                }
                let own = text[at..at + run].iter().take_while(|byte| **byte != b'-').count();
                count += own;
                longest = longest.max(own);
                at += own;
                if own == 0 || own < run || count >= MIN_BASE64 {
                    break;
                }
            }
            b'\\' if text.get(at + 1).is_some_and(|next| b"nrt\n".contains(next)) => at += 2,
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b',' | b'#' | b'|' => at += 1,
            _ => break,
        }
    }
    // Words of a text are short, lines of a key are not.
    (longest >= MIN_RUN).then_some(count)
}

/// Drops the zero bytes of UTF-16, in which some shells of Windows write what a program prints.
fn without_utf16(content: &[u8]) -> Cow<'_, [u8]> {
    if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
        Cow::Owned(content.iter().copied().filter(|byte| *byte != 0).collect())
    } else {
        Cow::Borrowed(content)
    }
}

/// Finds all marks in one pass; the order is that of the constants below.
static MARKS_OF: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let marks = ["AGE-SECRET-KEY-", "b3BlbnNzaC1rZXktdjE", "PRIVATE KEY", "PuTTY-User-Key-File-"];
    AhoCorasick::builder().ascii_case_insensitive(true).build(marks).expect("four short patterns")
});
const AGE: usize = 0;
/// `openssh-key-v1` in base64, with which the inside of every OpenSSH key begins.
const OPENSSH: usize = 1;
const PEM: usize = 2;
const BEGIN: &[u8] = b"-----BEGIN ";
const PUTTY_BODY: &[u8] = b"Private-Lines:";
/// An X25519 identity has 58 characters behind its `1`; what was cut a little is as good as whole.
const MIN_BECH32: usize = 50;
/// The shortest private key, Ed25519 in PKCS #8, has 64 characters.
const MIN_BASE64: usize = 40;
const MIN_RUN: usize = 24;
const MAX_LABEL: usize = 64;
const MAX_LOOK: usize = 1024;
const MAX_PUTTY: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::{PrivateKeyKind, private_keys};

    const BODY: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

    #[test]
    fn keys_are_found_where_they_begin() {
        let age = "QQPQZJQSNJ0K8VJ4NYTTHGRA6VVF0Q5TPF0VZ70MC4CAQAWBQYDK2VWBC9";
        let cases = [
            (format!("a\nkey: AGE-SECRET-KEY-1{age}\n"), 2, PrivateKeyKind::Age),
            (format!("age-secret-key-1{}", age.to_lowercase()), 1, PrivateKeyKind::Age),
            (format!("AGE-SECRET-KEY-PQ-1{age}"), 1, PrivateKeyKind::AgePostQuantum),
            (format!("\n\n-----BEGIN PRIVATE KEY-----\n{BODY}\n"), 3, PrivateKeyKind::Pem),
            (
                format!(
                    "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\n{BODY}"
                ),
                1,
                PrivateKeyKind::Pem,
            ),
            (format!("{{\"key\": \"-----BEGIN EC PRIVATE KEY-----\\n{BODY}\\n\"}}"), 1, PrivateKeyKind::Pem),
            (
                format!("key: |\n  -----BEGIN PRIVATE KEY-----\n  {}\n  {}\n", &BODY[..32], &BODY[32..]),
                2,
                PrivateKeyKind::Pem,
            ),
            (format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: x\n\n{BODY}"), 1, PrivateKeyKind::Pem),
            (format!("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA{BODY}"), 1, PrivateKeyKind::Ssh),
            (format!("x=b3BlbnNzaC1rZXktdjEAAAAA{BODY}"), 1, PrivateKeyKind::Ssh),
            (format!("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{BODY}"), 1, PrivateKeyKind::Ssh),
        ];
        for (text, line, kind) in cases {
            assert_eq!(private_keys(text.as_bytes()), [(line, kind)], "{text}");
            let utf16: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            assert_eq!(private_keys(&utf16), [(line, kind)], "{text} in UTF-16");
        }
    }

    #[test]
    fn what_only_names_keys_is_none() {
        for text in [
            "grep -r AGE-SECRET-KEY-1 .",
            "AGE-SECRET-KEY-1QQPZRY9",
            "starts_with(\"-----BEGIN PRIVATE KEY-----\")",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
            "-----BEGIN RSA PRIVATE KEY----- and -----BEGIN EC PRIVATE KEY----- are marks of keys in files that are long, and so is this text about such keys",
            "-----BEGIN PUBLIC KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g",
            "A PRIVATE KEY is not shared with anybody-----MC4CAQAwBQYDK2VwBCIEIJ1hsZ3vVpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g",
            "the marker b3BlbnNzaC1rZXktdjE begins them",
            "PuTTY-User-Key-File-3: is the first line",
            "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
        ] {
            assert_eq!(private_keys(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn each_key_is_named() {
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n");
        assert_eq!(private_keys([pem.as_str(), &pem].concat().as_bytes()).len(), 2);
    }
}
