//! The line protocol between age and a plugin (C2SP age-plugin): commands out, commands in, answers to each.
//!
//! A plugin is trusted with keys, not with our memory or the terminal: what it writes is bounded and read strictly,
//! and its questions go through [`Prompt`].

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::{Breach, PluginError, PluginName};
use crate::keys::{Prompt, PromptError};
use crate::process::PluginProcess;

/// A plugin at work.
pub(super) struct Conversation<'a> {
    process: PluginProcess,
    name: &'a PluginName,
    prompt: &'a dyn Prompt,
    /// What was read and not yet taken: from `start` to `end`.
    buffer: Zeroizing<[u8; 4096]>,
    start: usize,
    end: usize,
    /// How much it has written.
    received: usize,
}

/// One command of the plugin.
pub(super) struct Command {
    pub(super) kind: String,
    pub(super) arguments: Vec<String>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// What we say to a command.
struct Answer {
    words: &'static [&'static str],
    body: Zeroizing<Vec<u8>>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(process: PluginProcess, name: &'a PluginName, prompt: &'a dyn Prompt) -> Self {
        Self { process, name, prompt, buffer: Zeroizing::new([0; 4096]), start: 0, end: 0, received: 0 }
    }

    /// Sends a command, or an answer.
    pub(super) fn send<'w>(&self, words: impl IntoIterator<Item = &'w str>, body: &[u8]) {
        let words: Vec<&str> = words.into_iter().collect();
        // Room for all of it: a buffer that grows would leave copies of a file key behind.
        let length = 4 + words.iter().map(|word| word.len() + 1).sum::<usize>() + body.len() * 2 + 4;
        let mut message = Zeroizing::new(Vec::with_capacity(length));
        message.extend_from_slice(b"->");
        for word in words {
            message.push(b' ');
            message.extend_from_slice(word.as_bytes());
        }
        message.push(b'\n');
        for piece in body.chunks(BYTES_A_LINE) {
            let line = Zeroizing::new(BASE64_STANDARD_NO_PAD.encode(piece));
            message.extend_from_slice(line.as_bytes());
            message.push(b'\n');
        }
        // The last line is shorter than the others, if need be empty.
        if body.len().is_multiple_of(BYTES_A_LINE) {
            message.push(b'\n');
        }
        self.process.send(message);
    }

    /// Hands the plugin's commands to `handle` until it is done, and ends it.
    ///
    /// Commands for the user are answered here; `handle` tells whether it knows a command, which is then accepted.
    pub(super) fn listen(
        mut self,
        mut handle: impl FnMut(&Command) -> Result<bool, PluginError>,
    ) -> Result<(), PluginError> {
        loop {
            let command = self.receive()?;
            let answer = match command.kind.as_str() {
                "done" => break,
                "msg" => {
                    self.prompt.message(&self.says(&command));
                    Answer::word(&["ok"])
                }
                "confirm" => self.confirm(&command)?,
                "request-public" => {
                    let answer = self.prompt.answer(&self.says(&command)).map_err(|error| self.unanswered(error))?;
                    Answer { words: &["ok"], body: Zeroizing::new(answer.into_bytes()) }
                }
                "request-secret" => {
                    let secret =
                        self.prompt.passphrase(&self.says(&command)).map_err(|error| self.unanswered(error))?;
                    let body = Zeroizing::new(secret.expose_secret().as_bytes().to_vec());
                    Answer { words: &["ok"], body }
                }
                _ if handle(&command)? => Answer::word(&["ok"]),
                _ => Answer::word(&["unsupported"]),
            };
            self.send(answer.words.iter().copied(), &answer.body);
        }
        self.process.finish();
        Ok(())
    }

    fn confirm(&self, command: &Command) -> Result<Answer, PluginError> {
        let label = |text: &String| -> Result<String, PluginError> {
            let bytes = BASE64_STANDARD_NO_PAD.decode(text).map_err(|_| self.breach(Breach::Malformed))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let choices = match &command.arguments[..] {
            [yes] => format!("yes: {}", label(yes)?),
            [yes, no] => format!("yes: {}, no: {}", label(yes)?, label(no)?),
            _ => return Err(self.breach(Breach::Malformed)),
        };
        let question = format!("{} ({choices})", self.says(command));
        let confirmed = self.prompt.confirm(&question).map_err(|error| self.unanswered(error))?;
        Ok(Answer::word(if confirmed { &["ok", "yes"] } else { &["ok", "no"] }))
    }

    /// Returns a text of the plugin as the user sees it; who speaks stands before it.
    fn says(&self, command: &Command) -> String {
        format!("age-plugin-{}: {}", self.name, String::from_utf8_lossy(&command.body))
    }

    fn unanswered(&self, error: PromptError) -> PluginError {
        let name = self.name.clone();
        match error {
            PromptError::Interrupted => PluginError::Interrupted,
            PromptError::Io(source) => PluginError::Prompt { name, source: source.into() },
            PromptError::NoTerminal => PluginError::NoTerminal { name },
        }
    }

    pub(super) fn breach(&self, breach: Breach) -> PluginError {
        PluginError::Protocol { name: self.name.clone(), breach }
    }

    /// Reads one command: a line of words, then lines of base64 of which the last is shorter.
    fn receive(&mut self) -> Result<Command, PluginError> {
        let line = self.line()?;
        let words = line.strip_prefix(b"-> ").and_then(|words| str::from_utf8(words).ok());
        let mut words = words.into_iter().flat_map(|words| words.split(' ')).map(str::to_owned);
        let kind = words.next().unwrap_or_default();
        let arguments: Vec<String> = words.collect();
        let is_word = |word: &String| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_word(&kind) || !arguments.iter().all(is_word) {
            return Err(self.breach(Breach::Malformed));
        }
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_BODY));
        loop {
            let line = self.line()?;
            let piece = BASE64_STANDARD_NO_PAD.decode(line.as_slice()).map(Zeroizing::new);
            let piece = piece.map_err(|_| self.breach(Breach::Malformed))?;
            if piece.len() > BYTES_A_LINE {
                return Err(self.breach(Breach::Malformed));
            }
            if body.len() + piece.len() > MAX_BODY {
                return Err(self.breach(Breach::TooMuch));
            }
            body.extend_from_slice(&piece);
            if piece.len() < BYTES_A_LINE {
                return Ok(Command { kind, arguments, body });
            }
        }
    }

    /// Reads a line without its end.
    fn line(&mut self) -> Result<Zeroizing<Vec<u8>>, PluginError> {
        let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
        loop {
            let unread = &self.buffer[self.start..self.end];
            let length = unread.iter().position(|byte| *byte == b'\n');
            let piece = &unread[..length.unwrap_or(unread.len())];
            if line.len() + piece.len() > MAX_LINE {
                return Err(self.breach(Breach::TooMuch));
            }
            line.extend_from_slice(piece);
            if let Some(length) = length {
                self.start += length + 1;
                return Ok(line);
            }
            self.start = 0;
            self.end = self.process.receive(self.buffer.as_mut()).unwrap_or(0);
            self.received += self.end;
            if self.end == 0 {
                return Err(self.breach(Breach::Ended));
            }
            if self.received > MAX_RECEIVED {
                return Err(self.breach(Breach::TooMuch));
            }
        }
    }
}

impl Answer {
    fn word(words: &'static [&'static str]) -> Self {
        Self { words, body: Zeroizing::default() }
    }
}

/// How many bytes stand in a full line of base64.
const BYTES_A_LINE: usize = 48;
/// The longest line; it has room for the arguments of a post-quantum stanza.
const MAX_LINE: usize = 8 << 10;
/// The longest body of a command.
const MAX_BODY: usize = 16 << 10;
/// The most that a plugin may write in one conversation.
const MAX_RECEIVED: usize = 256 << 10;
