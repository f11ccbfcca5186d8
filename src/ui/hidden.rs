//! Asking for a secret without echo, so that Ctrl-C leaves the terminal as it was.
//!
//! While the echo is off the terminal sends no signals for keys: Ctrl-C ends the line, the echo comes back, and then
//! the signal is sent as the terminal would have sent it.

use std::io::{self, Write as _, stdin};

use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::keys::PromptError;

/// Asks at the terminal, again while nothing is typed; the prompt must not steer it.
pub(super) fn ask_hidden(prompt: &str) -> Result<SecretString, PromptError> {
    loop {
        let secret = ask_once(prompt)?;
        if !secret.expose_secret().is_empty() {
            return Ok(secret);
        }
    }
}

fn ask_once(prompt: &str) -> Result<SecretString, PromptError> {
    let terminal = Hidden::turn_echo_off().map_err(PromptError::Io)?;
    say(&format!("{prompt}: "));
    let line = terminal.read_line();
    drop(terminal);
    match line.map_err(PromptError::Io)? {
        Line::Broken(signal) => {
            say("\n");
            // To the whole group, as a terminal does: a script that runs this program ends, too.
            kill_current_process_group(signal).map_err(|error| PromptError::Io(error.into()))?;
            Err(PromptError::Interrupted)
        }
        Line::Whole(secret) => {
            say("[hidden]\n");
            Ok(secret)
        }
    }
}

/// What was typed.
enum Line {
    /// A key that ends the program.
    Broken(Signal),
    /// A line, without its end.
    Whole(SecretString),
}

/// The terminal without echo; it is as before when the value is dropped.
struct Hidden {
    before: Termios,
    interrupt: u8,
    quit: u8,
}

impl Hidden {
    fn turn_echo_off() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let interrupt = before.special_codes[SpecialCodeIndex::VINTR];
        let quit = before.special_codes[SpecialCodeIndex::VQUIT];
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        modes.local_modes.insert(LocalModes::ICANON);
        // The keys that would send a signal end a line instead. Pausing with Ctrl-Z waits until the question is over.
        modes.special_codes[SpecialCodeIndex::VEOL] = interrupt;
        modes.special_codes[SpecialCodeIndex::VEOL2] = quit;
        tcsetattr(stdin(), OptionalActions::Flush, &modes)?;
        Ok(Self { before, interrupt, quit })
    }

    fn read_line(&self) -> io::Result<Line> {
        // One system call gives a line at most, and a terminal's line is never longer (N_TTY: 4096).
        let mut buffer = Zeroizing::new([0; 4096]);
        let length = rustix::io::retry_on_intr(|| rustix::io::read(stdin(), buffer.as_mut_slice()))?;
        let line = match &buffer[..length] {
            // The end of the input, with nothing before it.
            [] => return Err(io::ErrorKind::UnexpectedEof.into()),
            [.., end] if *end == self.interrupt => return Ok(Line::Broken(Signal::INT)),
            [.., end] if *end == self.quit => return Ok(Line::Broken(Signal::QUIT)),
            [line @ .., b'\n'] => line,
            line => line,
        };
        let text = str::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Line::Whole(text.trim_end_matches('\r').into()))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Writes to the terminal; that nobody sees it shows in what is not answered.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
