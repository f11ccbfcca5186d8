//! Real editors, at a terminal, with settings that make them keep as much as they can: nothing of what stood in the
//! text, or was typed, searched for, cut or replaced, is anywhere afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::canary::Canaries;
use crate::trace::{OPTIONS, Trace, tracer};
use crate::world::{Outcome, World, run};

/// An editor as somebody could have set it up, and the keys for it.
struct Editor {
    /// What stands in `EDITOR`.
    command: &'static str,
    /// The name of the process.
    process: &'static str,
    /// Files of the home folder, and folders where the text is empty.
    settings: &'static [(&'static str, &'static str)],
    /// Replaces `hunter2` by `NEW`, searches for that, cuts or copies its line, saves, leaves.
    keys: &'static [(&'static str, &'static str)],
    /// Does and saves the same, and goes on typing `NEW`.
    unsaved_keys: &'static [(&'static str, &'static str)],
}

const VIM: Editor = Editor {
    command: "vim",
    process: "vim",
    settings: &[(".vimrc", VIMRC), ("bk", ""), ("un", ""), ("sw", "")],
    keys: &[("plaintext below", ":%s/hunter2/NEW/\r/NEW\r\"ayy:\" NEW\r:w\r"), ("written", ":q\r")],
    unsaved_keys: &[("plaintext below", ":%s/hunter2/NEW/\r:w\r"), ("written", "ggO# NEW"), ("NEW", "")],
};
const VIM_TINY: Editor = Editor { command: "vim.tiny", process: "vim.tiny", ..VIM };
const NEOVIM: Editor = Editor {
    command: "nvim",
    process: "nvim",
    settings: &[(".config/nvim/init.vim", NVIMRC), ("bk", ""), ("un", ""), ("sw", "")],
    ..VIM
};
const NANO: Editor = Editor {
    command: "nano",
    process: "nano",
    settings: &[(".config/nano/nanorc", NANORC), ("bk", ""), (".local/share/nano", "")],
    keys: &[("plaintext below", "\u{17}hunter2\rNEW\u{17}NEW\r\u{b}\u{15}\u{f}"), ("Write", "\r"), ("Wrote", "\u{18}")],
    unsaved_keys: &[
        ("plaintext below", "\u{17}hunter2\rNEW\u{f}"),
        ("Write", "\r"),
        ("Wrote", "\u{1b}\\# NEW"),
        ("NEW", ""),
    ],
};
const EMACS: Editor = Editor {
    command: "emacs -nw",
    process: "emacs",
    settings: &[(".emacs.d/init.el", INIT_EL), ("bk", ""), ("au", "")],
    keys: &[
        ("plaintext below", "\u{1b}%hunter2\rNEW\r!"),
        ("Replaced", "\u{1}\u{b}\u{19}\u{13}NEW\r\u{1b}<\u{18}\u{13}"),
        ("Wrote", "\u{18}\u{3}"),
    ],
    unsaved_keys: &[
        ("plaintext below", "\u{1b}%hunter2\rNEW\r!"),
        ("Replaced", "\u{18}\u{13}"),
        ("Wrote", "# NEW NEW NEW NEW NEW NEW"),
        ("NEW", ""),
    ],
};

/// `viminfofile` and `patchmode` stand here because they outlive `-i NONE` and `nobackup`.
const VIMRC: &str = "set nocompatible\nset undofile backup writebackup swapfile updatecount=1 updatetime=100\n\
    set backupdir=~/bk undodir=~/un directory=~/sw backupskip= patchmode=.orig history=1000\n\
    set viminfo='100,<1000,s1000,h,/1000,:1000\nset viminfofile=~/.viminfo\n";
const NVIMRC: &str = "set undofile backup writebackup swapfile updatecount=1 updatetime=100\n\
    set backupdir=~/bk undodir=~/un directory=~/sw backupskip= patchmode=.orig history=1000\n\
    set shada='100,<1000,s1000,h,/1000,:1000\nset shadafile=~/.shada\n";
/// Nano looks for `~` in the password file when it runs as root.
const NANORC: &str =
    "set backup\nset backupdir \"HOME/bk\"\nset historylog\nset positionlog\nset multibuffer\nset locking\n";
const INIT_EL: &str = r#"
(setq make-backup-files t backup-by-copying t version-control t backup-directory-alist '(("." . "~/bk"))
      vc-make-backup-files t create-lockfiles t
      auto-save-default t auto-save-interval 20 auto-save-timeout 1
      auto-save-file-name-transforms '((".*" "~/au/" t))
      savehist-autosave-interval 1 desktop-save t desktop-path '("~/.emacs.d/") desktop-load-locked-desktop t
      desktop-auto-save-timeout 1 history-delete-duplicates nil inhibit-startup-screen t)
(require 'savehist)
(require 'desktop)
(setq savehist-additional-variables '(kill-ring search-ring regexp-search-ring query-replace-defaults))
(savehist-mode 1)
(recentf-mode 1)
(save-place-mode 1)
(desktop-save-mode 1)
(setq desktop-globals-to-save (append '(kill-ring search-ring query-replace-history) desktop-globals-to-save))
(add-hook 'emacs-startup-hook (lambda () (savehist-mode 1) (desktop-save-mode 1)
  (setq savehist-additional-variables '(kill-ring search-ring))))
"#;

#[test]
fn vim_leaves_nothing_behind() {
    VIM.leaves_nothing_behind();
}

#[test]
fn a_small_vim_leaves_nothing_behind() {
    VIM_TINY.leaves_nothing_behind();
}

#[test]
fn neovim_leaves_nothing_behind() {
    NEOVIM.leaves_nothing_behind();
}

#[test]
fn nano_leaves_nothing_behind() {
    NANO.leaves_nothing_behind();
}

#[test]
fn emacs_leaves_nothing_behind() {
    EMACS.leaves_nothing_behind();
}

/// One repository with an editor that is set up, and what must not be found.
struct Desk {
    world: World,
    canaries: Canaries,
    value: String,
    typed: String,
}

impl Editor {
    fn leaves_nothing_behind(&self) {
        let program = self.command.split(' ').next().expect("a name");
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
            assert!(std::env::var_os("CI").is_none(), "{program} is missing");
            eprintln!("skipped: {program} is not installed");
            return;
        }
        self.would_leave_much_behind_if_left_alone();
        self.leaves_nothing_after_saving();
        self.leaves_nothing_when_it_is_killed();
        self.leaves_nothing_when_the_program_is_killed();
        println!("editors: {program}: 4 sessions, 0 leaks");
    }

    /// The settings do what they are here for: else the rest would show nothing.
    fn would_leave_much_behind_if_left_alone(&self) {
        let desk = Desk::new(self);
        desk.world.write("plain.yaml", format!("# plaintext below\na: {}\nb: hunter2\nc: 3\n", desk.value));
        let arguments: Vec<&str> = self.command.split(' ').chain(["plain.yaml"]).collect();
        let (outcome, _) = desk.session(self, self.keys, &[], &arguments);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{}", self.command);
        let mut leaks = desk.canaries.leaks_below(&desk.world.folder());
        assert!(leaks.remove(Path::new("repo/plain.yaml")).is_some());
        // A small vim is built without what keeps history, but for backups.
        assert!(!leaks.is_empty(), "{}: the settings have no effect", self.command);
    }

    fn leaves_nothing_after_saving(&self) {
        let desk = Desk::new(self);
        let (outcome, trace) = desk.edit(self, self.keys, &[]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{}", self.command);
        let password = desk.world.secret(["get", FILE, "db.password"]).success().stdout;
        assert!(password.contains(&desk.typed), "{}: it was not saved", self.command);
        desk.is_clean(self, "saving", trace.as_ref());
    }

    fn leaves_nothing_when_it_is_killed(&self) {
        let desk = Desk::new(self);
        let (outcome, trace) = desk.edit(self, self.unsaved_keys, &[("", &format!("kill:{}", self.process))]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (1, ""), "{}", self.command);
        desk.is_clean(self, "SIGKILL of the editor", trace.as_ref());
    }

    fn leaves_nothing_when_the_program_is_killed(&self) {
        let desk = Desk::new(self);
        let (outcome, trace) = desk.edit(self, self.unsaved_keys, &[("", "kill:secret")]);
        assert_ne!(outcome.code, 0, "{}", self.command);
        assert_eq!(outcome.stderr, "", "{}", self.command);
        desk.world.secret(["ls"]).success();
        desk.is_clean(self, "SIGKILL of secret, and the next start", trace.as_ref());
        let password = desk.world.secret(["get", FILE, "db.password"]).success().stdout;
        assert_eq!(password, "hunter2", "{}: half an edit was saved", self.command);
    }
}

impl Desk {
    fn new(editor: &Editor) -> Self {
        let mut canaries = Canaries::default();
        let [value, comment, typed] = ["Value", "Comment", "Typed"].map(|name| canaries.plant(name));
        let text = format!("db:\n  user: {value} # {comment}\n  password: hunter2\n  port: 5432\n");
        let world = World::new().with_file(FILE, &text);
        for (path, text) in editor.settings {
            let path = world.home().join(path);
            if text.is_empty() {
                fs::create_dir_all(path).expect("a folder");
            } else {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, text.replace("HOME", &world.home().display().to_string())).expect("a file");
            }
        }
        fs::create_dir(world.folder().join("tmp")).expect("a folder");
        Self { world, canaries, value, typed }
    }

    /// Edits the file, traced where that is possible.
    fn edit(&self, editor: &Editor, keys: &[(&str, &str)], more: &[(&str, &str)]) -> (Outcome, Option<Trace>) {
        self.session(editor, keys, more, &[env!("CARGO_BIN_EXE_secret"), "edit", FILE])
    }

    fn session(
        &self,
        editor: &Editor,
        keys: &[(&str, &str)],
        more: &[(&str, &str)],
        program: &[&str],
    ) -> (Outcome, Option<Trace>) {
        let log = tempfile::NamedTempFile::new().expect("a temporary file");
        let mut command = self.world.command(Path::new("python3"));
        command.args(["-c", include_str!("session.py")]);
        for (wait, keys) in keys.iter().filter(|(_, keys)| !keys.is_empty()) {
            command.args([wait.replace("NEW", &self.typed), format!("type:{}", keys.replace("NEW", &self.typed))]);
        }
        for (_, action) in more {
            // The last of the keys says by what it shows that they have arrived.
            let wait = keys.last().expect("keys").0.replace("NEW", &self.typed);
            command.args([wait, (*action).to_owned()]);
        }
        command.arg("--");
        if let Some(tracer) = tracer() {
            command.args(tracer).args(OPTIONS).arg(log.path());
        }
        command.args(program).env("EDITOR", editor.command).env("TERM", "xterm").env("RUST_BACKTRACE", "full");
        command.env("TMPDIR", self.world.folder().join("tmp"));
        for (name, folder) in [("CONFIG", ".config"), ("DATA", ".local/share"), ("STATE", ".local/state")] {
            command.env(format!("XDG_{name}_HOME"), self.world.home().join(folder));
        }
        let outcome = run(&mut command, b"");
        let log = fs::read(log.path()).expect("the trace");
        let trace = tracer().map(|_| {
            Trace::read(
                &String::from_utf8_lossy(&log),
                Outcome { code: 0, stdout: String::new(), stderr: String::new() },
            )
        });
        (outcome, trace)
    }

    /// Demands that nothing is left anywhere: below the world, in shared memory, or where else something was written.
    fn is_clean(&self, editor: &Editor, after: &str, trace: Option<&Trace>) {
        let about = format!("{} after {after}", editor.command);
        let leaks: BTreeMap<PathBuf, _> = self.canaries.leaks_below(&self.world.folder());
        assert!(leaks.is_empty(), "{about}: {leaks:#?}");
        assert_eq!(self.canaries.leaks_in_memory(), Vec::<PathBuf>::new(), "{about}");
        if let Some(trace) = trace {
            let mut outside = trace.written_outside(&[&self.world.folder()]);
            // Emacs compiles functions of its own when it first needs them, by a compiler that knows one place only.
            outside.retain(|path| {
                !(editor.command.contains("emacs") && path.display().to_string().starts_with("/tmp/cc"))
            });
            assert_eq!(outside, Vec::<&PathBuf>::new(), "{about}");
            assert_eq!(
                self.canaries.leaks_in(trace.text.as_bytes()).len(),
                0,
                "{about}: in arguments or names of files"
            );
        }
    }
}

const FILE: &str = "secrets/db.yaml";
