//! For tests of refused permissions, which bind everybody but root.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Runs a test's body; where this process is root's, in a child process of its own as the user nobody.
pub(super) fn as_ordinary_user(test: &str, body: impl FnOnce()) {
    if !rustix::process::geteuid().is_root() {
        return body();
    }
    let world = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(world.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let program = world.path().join("tests");
    // By another process: what is open for writing in this one cannot be run.
    let copied = Command::new("cp").arg(std::env::current_exe().expect("this program")).arg(&program).status();
    assert!(copied.expect("cp runs").success());
    let output = Command::new(program)
        .args([test, "--exact"])
        .env_clear()
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("the test runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "as nobody: {said}");
}

const NOBODY: u32 = 65534;
