//! The user's editor, started so that it leaves no copy of the text behind.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{ProcessError, command, find_program, run, words};
use crate::env::Env;
use crate::fs::{self, ScratchFolder};

/// An editor, found and ready to run.
#[derive(Debug)]
pub struct Editor {
    program: PathBuf,
    /// What the user's variable has behind the program.
    arguments: Vec<OsString>,
    family: Family,
}

impl Editor {
    /// Chooses `$VISUAL`, else `$EDITOR`, else the first that is installed of nano, vim, nvim and vi.
    pub fn choose(env: &Env) -> Result<Self, ProcessError> {
        for variable in ["VISUAL", "EDITOR"] {
            if let Some(text) = env.var(variable) {
                let words = words::split(text).ok_or(ProcessError::Unbalanced { variable })?;
                if let Some((name, arguments)) = words.split_first() {
                    let program = find_program(env, name)?;
                    return Ok(Self { family: Family::of(&program), program, arguments: arguments.to_vec() });
                }
            }
        }
        let installed = |name: &&str| find_program(env, OsStr::new(name)).ok();
        let program = DEFAULTS.iter().find_map(installed).ok_or(ProcessError::NoEditor)?;
        Ok(Self { family: Family::of(&program), program, arguments: Vec::new() })
    }

    /// Returns the editor's program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Returns what the editor may leave behind although it was told not to, for the user to know.
    pub fn caution(&self) -> Option<&'static str> {
        match self.family {
            Family::Code => Some(
                "VS Code keeps unsaved text and a local history in its own folder (settings files.hotExit and \
                 workbench.localHistory.enabled), and its extensions can read the file",
            ),
            Family::EmacsClient => {
                Some("the running Emacs follows its own settings for backups, auto-save and history files")
            }
            Family::Other => Some("secret does not know how to keep this editor from leaving backups or swap files"),
            Family::BusyBox | Family::Emacs | Family::Nano | Family::Neovim | Family::Vim => None,
        }
    }

    /// Lets the user edit a file of the scratch folder and waits for the end.
    ///
    /// # Errors
    /// When the editor does not start, or ends with anything but success: then its text is not to be taken.
    pub fn edit(&self, env: &Env, scratch: &ScratchFolder, file: &Path) -> Result<(), ProcessError> {
        let _held = scratch.hold_interrupts();
        let mut command = command(env, &self.program);
        command.args(&self.arguments).args(self.switches()).arg(file);
        // Not in the repository: editors take settings and commands from the folder they are started in (`exrc`).
        command.current_dir(scratch.path());
        if self.family != Family::EmacsClient && self.family != Family::Code {
            // What they write for filters, spell checkers and shell commands goes with the scratch folder. The two
            // clients look in the usual place for the program that they talk to.
            command.env("TMPDIR", scratch.path());
        }
        match run(&mut command)? {
            status if status.success() => Ok(()),
            status => Err(ProcessError::EditorFailed { program: self.program.clone(), status }),
        }
    }

    /// Returns the switches that keep copies from being made, and what is in the text from being obeyed.
    fn switches(&self) -> &'static [&'static str] {
        match self.family {
            Family::Vim if self.is_named("gvim") || self.is_named("mvim") => GVIM,
            Family::Neovim | Family::Vim => VIM,
            Family::Nano => NANO,
            Family::Emacs => EMACS,
            Family::Code => CODE,
            Family::BusyBox | Family::EmacsClient | Family::Other => &[],
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.program.file_name() == Some(OsStr::new(name))
    }
}

/// Editors that understand the same switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Writes nothing but the file, and knows no switches for it.
    BusyBox,
    Code,
    Emacs,
    EmacsClient,
    Nano,
    Neovim,
    Other,
    Vim,
}

impl Family {
    /// Tells the family from the name of the program that really runs (`/usr/bin/vi` may be one of many), else from
    /// the name it was called by (`/snap/bin/nvim` leads to `snap`).
    fn of(program: &Path) -> Self {
        let real = fs::real_path(program).unwrap_or_else(|_| program.to_path_buf());
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match Self::by_name(&name(&real)) {
            Self::Other if !STRANGERS.contains(&name(&real).as_str()) => Self::by_name(&name(program)),
            family => family,
        }
    }

    fn by_name(name: &str) -> Self {
        match name {
            "busybox" => Self::BusyBox,
            "code" | "code-insiders" | "code-oss" | "codium" | "vscodium" => Self::Code,
            "nano" | "rnano" => Self::Nano,
            "gvim" | "mvim" => Self::Vim,
            _ if name.starts_with("emacsclient") => Self::EmacsClient,
            _ if name.starts_with("emacs") => Self::Emacs,
            _ if name.starts_with("nvim") => Self::Neovim,
            _ if name.starts_with("vim") => Self::Vim,
            _ => Self::Other,
        }
    }
}

/// What one gets who has set no editor. `systemctl edit` has nano before vim, too: it says on the screen how to leave.
const DEFAULTS: [&str; 4] = ["nano", "vim", "nvim", "vi"];

/// Editors that are installed under the name of another one: as `nano` on macOS, as `vi` on many systems.
const STRANGERS: [&str; 4] = ["elvis", "nvi", "pico", "vile"];

/// For vim and nvim.
///
/// `-n`: no swap file, also against `updatecount` in a vimrc. `-i NONE`: no viminfo or shada file, which keep registers,
/// searches and command lines. `nomodeline` before the file is read: it may have been written by a stranger.
/// `-c` is obeyed after the vimrc: no backup, not even while writing (`nowritebackup`: it may stand in `backupdir`, on
/// disk), none that `patchmode` keeps, no undo file, no swap file for further buffers. `viminfo` (in nvim another name
/// of `shada`) is emptied because `viminfofile` and `shadafile` in a vimrc override `-i`; a small vim does not have it.
const VIM: &[&str] = &["-n", "-i", "NONE", "--cmd", "set nomodeline", "-c", VIM_SETTINGS];
/// `-f`: stay in the foreground, or it would seem to end at once.
const GVIM: &[&str] = &["-f", "-n", "-i", "NONE", "--cmd", "set nomodeline", "-c", VIM_SETTINGS];
const VIM_SETTINGS: &str = "set nobackup nowritebackup patchmode= noundofile noswapfile | silent! set viminfo=";

/// `-R`, restricted: no backup, search history or positions whatever the nanorc says, and no file but this one is read
/// or written, save for a lock file beside it that names only the user.
const NANO: &[&str] = &["-R"];

/// Obeyed after the init file and before the file, in the order of the command line: no `file~`, no `#file#`, no list
/// of such, no lock link, no undo history on disk. What savehist and desktop keep (searches, replacements, the kill
/// ring) is not saved: their modes may be on, or come on later by a hook, and what they saved before stays as it is.
/// Local variables are commands in the text or in its folder: not obeyed.
const EMACS: &[&str] = &[
    "--eval",
    "(progn \
     (setq make-backup-files nil auto-save-default nil auto-save-list-file-prefix nil create-lockfiles nil \
     undo-tree-auto-save-history nil enable-local-variables nil enable-dir-local-variables nil) \
     (advice-add 'savehist-save :override #'ignore) (advice-add 'desktop-save :override #'ignore))",
];

/// `--wait`: until the file is closed, or it would seem to end at once. `--new-window`: not among the files, settings
/// and history of an open workspace. For the rest there are settings, but no switches; see [`Editor::caution`].
const CODE: &[&str] = &["--wait", "--new-window"];

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    /// A folder of programs that write their arguments, working directory and TMPDIR to `said`, then do `then`.
    struct World {
        folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().expect("a temporary folder") }
        }

        fn install(&self, name: &str, then: &str) -> PathBuf {
            let path = self.folder.path().join(name);
            let said = self.folder.path().join("said");
            let script = format!(
                "#!/bin/sh\n{{ pwd; echo \"$TMPDIR\"; printf '%s\\n' \"$@\"; }} > '{}'\n{then}\n",
                said.display()
            );
            // Written by another process: were it open for writing here while a test in another thread starts a
            // program, that one would have it open for a moment, too, and so it could not be run.
            let writer = Command::new("/bin/sh")
                .args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""])
                .arg(&path)
                .arg(script)
                .status();
            assert!(writer.expect("a shell").success());
            path
        }

        fn said(&self) -> Vec<String> {
            let said = std::fs::read_to_string(self.folder.path().join("said")).expect("the editor ran");
            said.lines().map(str::to_owned).collect()
        }

        fn env(&self, variables: &[(&str, &str)]) -> Env {
            let own = [("PATH", self.folder.path().as_os_str()), ("HOME", self.folder.path().as_os_str())];
            let given = variables.iter().map(|(name, value)| (*name, OsStr::new(value)));
            let all = own.into_iter().chain(given).map(|(name, value)| (name.into(), value.to_owned()));
            Env::new("/".into(), jiff::civil::date(2026, 1, 1), all)
        }

        fn choose(&self, variables: &[(&str, &str)]) -> Result<Editor, ProcessError> {
            Editor::choose(&self.env(variables))
        }

        fn switches(&self, editor: &str) -> &'static [&'static str] {
            self.choose(&[("EDITOR", editor)]).expect("it is installed").switches()
        }
    }

    #[test]
    fn visual_comes_before_editor_before_what_is_installed() {
        let world = World::new();
        assert!(matches!(world.choose(&[]), Err(ProcessError::NoEditor)));
        for name in ["vi", "vim", "one", "two"] {
            world.install(name, "");
        }
        let chosen = |variables: &[(&str, &str)]| {
            world.choose(variables).expect("an editor").program().file_name().expect("a name").to_owned()
        };
        assert_eq!(chosen(&[("VISUAL", "one"), ("EDITOR", "two")]), "one");
        assert_eq!(chosen(&[("VISUAL", " "), ("EDITOR", "two -x")]), "two");
        assert_eq!(chosen(&[]), "vim");
    }

    #[test]
    fn an_editor_that_is_set_wrongly_is_an_error_and_no_other_is_taken() {
        let world = World::new();
        world.install("vim", "");
        let choose = |editor| world.choose(&[("EDITOR", editor)]);
        assert!(matches!(choose("none"), Err(ProcessError::NotFound { .. })));
        assert!(matches!(choose("./vim"), Err(ProcessError::Relative { .. })));
        assert!(matches!(choose("vim '"), Err(ProcessError::Unbalanced { variable: "EDITOR" })));
    }

    #[test]
    fn an_editor_is_known_by_what_really_runs() {
        let world = World::new();
        for name in
            ["vim.basic", "nvim", "nano", "emacs-29.4", "emacsclient", "code", "busybox", "nvi", "pico", "snap", "gvim"]
        {
            world.install(name, "");
        }
        let links = [("vi", "vim.basic"), ("editor", "nvi"), ("vim", "nvim"), ("rnano", "pico"), ("nvim-snap", "snap")];
        for (name, target) in links {
            symlink(target, world.folder.path().join(name)).expect("a link");
        }
        for name in ["vi", "vim", "nvim", "nvim-snap"] {
            assert_eq!(world.switches(name), VIM, "{name}");
        }
        assert_eq!(world.switches("nano"), NANO);
        assert_eq!(world.switches("emacs-29.4 -nw"), EMACS);
        assert_eq!(world.switches("code --wait"), CODE);
        assert_eq!(world.switches("gvim"), GVIM);
        for name in ["editor", "rnano", "emacsclient", "busybox"] {
            assert!(world.switches(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn the_user_is_told_of_editors_that_may_keep_copies() {
        let world = World::new();
        let cautious = ["vim", "nvim", "nano", "emacs", "code", "emacsclient", "hx"].map(|name| {
            world.install(name, "");
            world.choose(&[("EDITOR", name)]).expect("an editor").caution().is_some()
        });
        assert_eq!(cautious, [false, false, false, false, true, true, true]);
    }

    #[test]
    fn it_runs_in_the_scratch_folder_with_the_users_arguments_before_our_switches() {
        let world = World::new();
        world.install("nano", "echo edited > \"$4\"");
        let env = world.env(&[("EDITOR", "nano -w 'two words'")]);
        let scratch = ScratchFolder::create(&env).expect("a folder");
        let file = scratch.write(OsStr::new("db.yaml"), b"old").expect("a file");
        Editor::choose(&env).expect("an editor").edit(&env, &scratch, &file).expect("it succeeds");
        let folder = scratch.path().to_str().expect("UTF-8");
        assert_eq!(world.said(), [folder, folder, "-w", "two words", "-R", file.to_str().expect("UTF-8")]);
        assert_eq!(**scratch.read(OsStr::new("db.yaml"), 99).expect("a file"), *b"edited\n");
    }

    #[test]
    fn a_failed_editor_is_an_error_with_its_status() {
        let world = World::new();
        for (then, status) in [("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9 (SIGKILL)")] {
            let path = world.install("nano", then);
            let env = world.env(&[]);
            let scratch = ScratchFolder::create(&env).expect("a folder");
            let file = scratch.write(OsStr::new("file"), b"").expect("a file");
            let error = Editor::choose(&env).expect("an editor").edit(&env, &scratch, &file).expect_err("it fails");
            assert_eq!(error.to_string(), format!("the editor {} failed: {status}", path.display()));
        }
    }
}
