//! Names of variables that decide what programs run or load. A file of secrets does not set them unless the user says so.

/// Tells whether a name is such a one. Case does not count: zsh ties `path` to `PATH`, and some systems know no case.
pub fn is_dangerous(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.contains(&name.as_str()) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What the names of families begin with.
const PREFIXES: [&str; 16] = [
    "BASH_",       // shells: what is read at the start, functions
    "CORECLR_",    // .NET: profilers
    "COR_",        // the same
    "DOTNET_",     // .NET: start-up hooks
    "DYLD_",       // the loader of macOS
    "ERL_",        // Erlang: flags of the runtime
    "GCONV_",      // the C library: character set modules
    "GIT_",        // git: commands, configuration
    "GTK_",        // modules of GTK
    "LD_",         // the loader
    "LUA_",        // where Lua loads from, what it runs first
    "NPM_CONFIG_", // npm: scripts, shell
    "PYTHON",      // where Python loads from, what it runs first
    "QT_",         // plugins of Qt
    "RUSTC_",      // wrappers of the compiler
    "XDG_",        // where programs look for their settings
];

/// The others.
const NAMES: [&str; 69] = [
    "AWKPATH",
    "BASH",
    "BASHOPTS",
    "BROWSER",
    "BUNDLE_GEMFILE",
    "CDPATH",
    "CLASSPATH",
    "CURL_HOME",
    "EDITOR",
    "EMACSLOADPATH",
    "ENV",
    "EXINIT",
    "FCEDIT",
    "FPATH",
    "GEM_HOME",
    "GEM_PATH",
    "GLIBC_TUNABLES",
    "GLOBIGNORE",
    "GNUPGHOME",
    "HGEDITOR",
    "HGRCPATH",
    "HISTFILE",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "INPUTRC",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "JULIA_LOAD_PATH",
    "LESSCLOSE",
    "LESSOPEN",
    "LOCPATH",
    "MAILPATH",
    "MAKEFILES",
    "MAKEFLAGS",
    "MANPAGER",
    "MANPATH",
    "MODULE_PATH",
    "NLSPATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NULLCMD",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS1",
    "PS2",
    "PS4",
    "READNULLCMD",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "SUDO_EDITOR",
    "TERMINFO",
    "TMPDIR",
    "VISUAL",
    "_JAVA_OPTIONS",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_run_or_load_code_are_known_in_any_case() {
        for name in [
            "PATH",
            "path",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "BASH_ENV",
            "BASH_FUNC_x",
            "ENV",
            "SHELLOPTS",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5OPT",
            "RUBYOPT",
            "JAVA_TOOL_OPTIONS",
            "IFS",
            "PROMPT_COMMAND",
            "GIT_SSH_COMMAND",
            "git_dir",
            "EDITOR",
            "VISUAL",
            "PAGER",
            "npm_config_script_shell",
        ] {
            assert!(is_dangerous(name), "{name}");
        }
        for name in
            ["DATABASE_URL", "API_TOKEN", "USER", "PASSWORD", "GITHUB_TOKEN", "LDAP_PASSWORD", "HTTPS_PROXY", "MAIL"]
        {
            assert!(!is_dangerous(name), "{name}");
        }
    }

    #[test]
    fn the_lists_are_sorted_and_in_capitals() {
        assert!(NAMES.is_sorted() && PREFIXES.is_sorted());
        assert!(NAMES.iter().chain(&PREFIXES).all(|name| *name == name.to_ascii_uppercase()));
    }
}
