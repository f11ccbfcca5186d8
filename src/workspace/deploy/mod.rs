//! Handing secrets to programs: as variables with names of their own, or as a document in another format.
//!
//! Whatever cannot be handed on as it is, is an error that names its key: nothing is left out or changed in silence.

mod dangerous;
mod encrypted;
mod error;
mod tree;
mod variables;

pub use error::{DeployError, Place};
pub use tree::TreeFormat;
pub use variables::{Naming, Variable, Variables, is_name};

use zeroize::Zeroizing;

use super::OpenFile;
use super::spell::{self, SecretNames};
use super::value::Value;
use super::view::View;
use crate::document::{Document, Format, KeyPath};

/// Files that were all opened, and so are all authentic.
pub struct Deployment {
    files: Vec<OpenFile>,
}

impl Deployment {
    /// Takes files in the order in which they are handed on.
    pub fn of(files: Vec<OpenFile>) -> Self {
        Self { files }
    }

    /// Returns the variables that the values of all files make.
    ///
    /// # Errors
    /// When a value has no name, two have the same, or one may not be handed on.
    pub fn variables<'a>(&'a self, naming: &'a Naming) -> Result<Variables<'a>, DeployError> {
        let mut variables = Variables::collect(naming);
        for (file, value) in self.values()? {
            variables.add((&file.target.shown, file.opened.header.format), &value)?;
        }
        variables.finish()
    }

    /// Spells the values of all files as one document.
    ///
    /// # Errors
    /// When several files have the same key at their top, or the format cannot hold a value.
    pub fn document(&self, format: TreeFormat) -> Result<Zeroizing<String>, DeployError> {
        let files = self.values()?;
        tree::spell(files.into_iter().map(|(file, value)| (file.target.shown.as_str(), value)).collect(), format)
    }

    fn values(&self) -> Result<Vec<(&OpenFile, Value<'_>)>, DeployError> {
        let mut values = Vec::new();
        for file in &self.files {
            let shown = &file.target.shown;
            let document = file.opened.document();
            let document = document.ok_or_else(|| DeployError::Opaque { file: shown.clone() })?;
            let text = str::from_utf8(&file.opened.plaintext).expect("a document that was parsed is UTF-8");
            values.push((file, value_of(shown, file.opened.header.format, document, text)?));
        }
        Ok(values)
    }
}

/// Returns what a file says, which must be one document.
fn value_of<'a>(shown: &str, format: Format, document: &'a Document, text: &str) -> Result<Value<'a>, DeployError> {
    let view = View::of(document, format, text);
    if view.documents() > 1 {
        return Err(DeployError::SeveralDocuments { file: shown.to_owned() });
    }
    match view.find(&KeyPath::default()) {
        Some((root, index)) => {
            view.value(root, index).map_err(|source| DeployError::View { file: shown.to_owned(), source })
        }
        None => Ok(Value::Null),
    }
}

impl Variables<'_> {
    /// Spells the variables for dotenv readers.
    ///
    /// # Errors
    /// When they would not agree on a value.
    pub fn dotenv(&self) -> Result<Zeroizing<String>, DeployError> {
        let variables = self.with_values()?;
        let spelled = spell::dotenv(variables.iter().map(|(variable, value)| (variable.name.as_str(), *value)));
        spelled.map_err(|index| DeployError::Unholdable {
            place: variables[index].0.place.clone(),
            format: "dotenv",
            what: "a value that its readers take for different ones",
        })
    }

    /// Spells the variables as commands for a shell.
    ///
    /// # Errors
    /// When a value has NUL, or a name is one that shells keep for themselves.
    pub fn shell(&self) -> Result<Zeroizing<String>, DeployError> {
        let variables = self.with_values()?;
        for (variable, value) in &variables {
            refuse_nul(variable, value)?;
            if spell::is_owned_by_shells(&variable.name) {
                let what = "a variable that shells keep for themselves";
                return Err(DeployError::Unholdable { place: variable.place.clone(), format: "shell", what });
            }
        }
        Ok(spell::shell(variables.iter().map(|(variable, value)| (variable.name.as_str(), *value))))
    }

    /// Spells the variables as a Kubernetes Secret.
    ///
    /// # Errors
    /// When a name is no key of a Secret, or the values are more than one may hold.
    pub fn kubernetes(&self, names: &SecretNames<'_>) -> Result<Zeroizing<String>, DeployError> {
        let variables = self.with_values()?;
        let mut bytes = 0;
        for (variable, value) in &variables {
            bytes += value.len();
            let what = match () {
                () if variable.name.len() > MAX_KUBERNETES_KEY => "a key of more than 253 characters",
                () if bytes > MAX_KUBERNETES_BYTES => "more than 1 MiB, and this value goes past that",
                () => continue,
            };
            return Err(DeployError::Unholdable { place: variable.place.clone(), format: "a Kubernetes Secret", what });
        }
        Ok(spell::kubernetes(names, variables.iter().map(|(variable, value)| (variable.name.as_str(), *value))))
    }

    /// Returns the variables for a program's environment; those without a value are the environment's own.
    ///
    /// # Errors
    /// When a value has NUL.
    pub fn environment(&self) -> Result<Vec<(&str, Option<&str>)>, DeployError> {
        let variable = |variable: &Variable<'_>| refuse_nul(variable, variable.value.unwrap_or_default());
        self.iter().try_for_each(variable)?;
        Ok(self.iter().map(|variable| (variable.name.as_str(), variable.value)).collect())
    }

    /// Returns the variables, each with its value.
    fn with_values(&self) -> Result<Vec<(&Variable<'_>, &str)>, DeployError> {
        let mut variables = Vec::new();
        for variable in self.iter() {
            let place = &variable.place;
            let what = "a name without a value";
            let value = variable.value.ok_or_else(|| DeployError::NoValue { place: place.clone(), what })?;
            variables.push((variable, value));
        }
        Ok(variables)
    }
}

fn refuse_nul(variable: &Variable<'_>, value: &str) -> Result<(), DeployError> {
    if value.contains('\0') { Err(DeployError::Nul { place: variable.place.clone() }) } else { Ok(()) }
}

/// What the API server takes as a key of a Secret, and as its values together.
const MAX_KUBERNETES_KEY: usize = 253;
const MAX_KUBERNETES_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document;

    /// Hands the variables of documents on: their format and text, each file named by its place in the list.
    fn with_variables<T>(
        files: &[(Format, &str)],
        naming: &Naming,
        then: impl FnOnce(&Variables<'_>) -> Result<T, DeployError>,
    ) -> Result<T, String> {
        let documents: Vec<Document> =
            files.iter().map(|(format, text)| document::parse(*format, text).expect("it is sound")).collect();
        let mut variables = Variables::collect(naming);
        let all = files.iter().zip(&documents).enumerate().try_for_each(|(index, ((format, text), document))| {
            let shown = format!("{}", index + 1);
            variables.add((&shown, *format), &value_of(&shown, *format, document, text)?)
        });
        all.and_then(|()| then(&variables.finish()?)).map_err(|error| error.to_string())
    }

    fn variables(files: &[(Format, &str)], naming: &Naming) -> Result<Vec<(String, Option<String>)>, String> {
        with_variables(files, naming, |variables| {
            let pair = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
            Ok(variables.environment()?.iter().map(pair).collect())
        })
    }

    /// Returns the variables of one document as lines.
    fn lines(format: Format, text: &str, naming: &Naming) -> Result<String, String> {
        let line = |(name, value): (String, Option<String>)| format!("{name}={}\n", value.unwrap_or("?".to_owned()));
        Ok(variables(&[(format, text)], naming)?.into_iter().map(line).collect())
    }

    fn error(format: Format, text: &str) -> String {
        lines(format, text, &Naming::default()).expect_err("it is refused")
    }

    #[test]
    fn names_are_key_paths_in_capitals_and_values_are_what_get_prints() {
        let text = "db:\n  user-name: ann\n  a.b: 007\n  list: [1.10, True, {x: 0x1F}]\n1st: x\n";
        let prefix = Naming { prefix: "_".to_owned(), ..Naming::default() };
        assert_eq!(
            lines(Format::Yaml, text, &prefix),
            Ok("_DB_USER_NAME=ann\n_DB_A_B=007\n_DB_LIST_0=1.10\n_DB_LIST_1=True\n_DB_LIST_2_X=0x1F\n_1ST=x\n"
                .to_owned())
        );
        assert_eq!(
            lines(Format::Ini, "k = v\n[se.ct]\nkey = v w\n", &Naming::default()),
            Ok("K=v\nSE_CT_KEY=v w\n".to_owned())
        );
        assert_eq!(lines(Format::Toml, "when = 2026-01-01\n", &Naming::default()), Ok("WHEN=2026-01-01\n".to_owned()));
        assert_eq!(lines(Format::Dotenv, "lower=x\nBARE\n", &Naming::default()), Ok("lower=x\nBARE=?\n".to_owned()));
    }

    #[test]
    fn aliases_and_merge_keys_stand_for_what_they_mean() {
        let text = "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n";
        assert_eq!(lines(Format::Yaml, text, &Naming::default()), Ok("A_X=1\nB_X=1\nC_Y=2\nC_X=1\n".to_owned()));
        assert_eq!(error(Format::Yaml, "a: &a [*a]\n"), "1: its aliases expand to more than 1048576 values");
    }

    #[test]
    fn what_makes_no_variable_is_refused_by_its_key() {
        for (text, said) in [
            ("a: {b: }", "a.b of 1 is null, and no variable can say so"),
            ("a: []", "a of 1 is an empty list, and no variable can say so"),
            ("a: [{}]", "a[0] of 1 is an empty map, and no variable can say so"),
            ("a b: x", "\"a b\" of 1 makes no name for a variable: \"A B\""),
            ("1: x", "1 of 1 makes no name for a variable: \"1\""),
            ("é: x", "é of 1 makes no name for a variable: \"é\""),
            ("\"\": x", "\"\" of 1 makes no name for a variable: \"\""),
            ("- x", "[0] of 1 makes no name for a variable: \"0\""),
            ("x", "1 makes no name for a variable: \"\""),
            ("a: x\n---\nb: x\n", "1 has several documents: their keys would be mixed up"),
            ("a: \"\\0\"", "a of 1 has a NUL character, which no variable can hold"),
            ("a: 'ENC[AES256_GCM,data:x]'", "a of 1 is still encrypted (sops)"),
            ("a: {b_c: x, b: {c: y}}", "a.b_c of 1 and a.b.c of 1 would both be A_B_C"),
            ("ld: {preload: x}", "ld.preload of 1 would set LD_PRELOAD, which decides what programs run or load"),
        ] {
            assert_eq!(error(Format::Yaml, text), said, "{text}");
        }
        assert_eq!(error(Format::Dotenv, "a.b=x\n"), "\"a.b\" of 1 makes no name for a variable: \"a.b\"");
        assert_eq!(lines(Format::Yaml, "", &Naming::default()), Ok(String::new()));
    }

    #[test]
    fn two_files_never_set_one_name() {
        let files = [(Format::Dotenv, "DB_USER=a\n"), (Format::Yaml, "db: {user: b}\n")];
        let said = "DB_USER of 1 and db.user of 2 would both be DB_USER";
        assert_eq!(variables(&files, &Naming::default()), Err(said.to_owned()));
        let naming = Naming { except: vec!["db".to_owned()], ..Naming::default() };
        assert_eq!(variables(&files, &naming).map(|found| found.len()), Ok(1));
    }

    #[test]
    fn keys_are_chosen_by_key_path_or_name() {
        let text = "db: {user: a, pass: b}\nempty: \nx: c\n";
        let choose = |only: &[&str], except: &[&str]| {
            let texts = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
            let naming = Naming { only: texts(only), except: texts(except), ..Naming::default() };
            lines(Format::Yaml, text, &naming)
        };
        assert_eq!(choose(&["db"], &[]), Ok("DB_USER=a\nDB_PASS=b\n".to_owned()));
        assert_eq!(choose(&["DB_USER", "x"], &[]), Ok("DB_USER=a\nX=c\n".to_owned()));
        assert_eq!(choose(&["[\"db\"]"], &["db.user"]), Ok("DB_PASS=b\n".to_owned()));
        assert_eq!(choose(&[], &["empty", "db"]), Ok("X=c\n".to_owned()));
        assert_eq!(choose(&["x", "pass"], &[]), Err("--only pass: there is no such key".to_owned()));
        assert_eq!(choose(&[], &["empty", "x.y"]), Err("--except x.y: there is no such key".to_owned()));
    }

    #[test]
    fn dangerous_names_are_set_only_when_they_are_allowed_and_identities_never() {
        let text = "PATH=/x\nSECRET_IDENTITY=y\nSOPS_AGE_KEY_CMD=z\nOK=1\n";
        let allow = |names: &[&str]| {
            let allow = names.iter().map(|name| (*name).to_owned()).collect();
            let naming = Naming { allow, ..Naming::default() };
            with_variables(&[(Format::Dotenv, text)], &naming, |variables| {
                let identities = variables.identities().iter().map(|(name, _)| name.clone());
                Ok(variables
                    .iter()
                    .map(|variable| variable.name.clone())
                    .chain(identities)
                    .collect::<Vec<_>>()
                    .join(" "))
            })
        };
        let said = "PATH of 1 would set PATH, which decides what programs run or load";
        assert_eq!(allow(&[]), Err(said.to_owned()));
        assert_eq!(allow(&["path"]), Err(said.to_owned()));
        assert_eq!(allow(&["PATH", "SECRET_IDENTITY"]), Ok("PATH OK SECRET_IDENTITY SOPS_AGE_KEY_CMD".to_owned()));
        let prefix = Naming { prefix: "LD_".to_owned(), ..Naming::default() };
        assert!(lines(Format::Yaml, "preload: x", &prefix).is_err());
    }

    #[test]
    fn a_secret_of_kubernetes_has_its_own_rules_for_keys() {
        let naming = Naming { is_for_kubernetes: true, ..Naming::default() };
        let names = SecretNames { name: "n", namespace: None };
        let secret = |format, text: &str| {
            with_variables(&[(format, text)], &naming, |variables| Ok(variables.kubernetes(&names)?.to_string()))
        };
        let spelled = secret(Format::Dotenv, "tls.crt-1=x\n").expect("it is sound");
        assert!(spelled.ends_with("data:\n  \"tls.crt-1\": \"eA==\"\n"), "{spelled}");
        assert!(secret(Format::Yaml, "\"\": x\n").is_err());
        let long = "k".repeat(254);
        assert!(secret(Format::Yaml, &format!("{}: x\n", &long[..253])).is_ok());
        assert!(secret(Format::Yaml, &format!("{long}: x\n")).is_err());
        let large = "v".repeat(1 << 19);
        assert!(secret(Format::Yaml, &format!("a: {large}\nb: {large}\n")).is_ok());
        let said = secret(Format::Yaml, &format!("a: {large}\nb: {large}x\n")).expect_err("it is too large");
        assert_eq!(said, "b of 1: a Kubernetes Secret cannot hold more than 1 MiB, and this value goes past that");
    }

    #[test]
    fn what_a_document_format_cannot_hold_is_refused_by_its_key() {
        use TreeFormat::{Json, Toml, Yaml};
        let spelled = |source, text: &str, format| {
            let document = document::parse(source, text).expect("it is sound");
            let value = value_of("f", source, &document, text).expect("one document");
            tree::spell(vec![("f", value)], format).map(|text| text.to_string()).map_err(|error| error.to_string())
        };
        for (source, text, formats, said) in [
            (Format::Yaml, "a: [~]", &[Toml][..], "a[0] of f: TOML cannot hold null"),
            (Format::Yaml, "- a", &[Toml], "f: TOML cannot hold a document that is no map"),
            (Format::Yaml, "a: .inf", &[Json], "a of f: JSON cannot hold infinity, or what is no number"),
            (Format::Yaml, "1: x", &[Json, Toml], "1 of f: FORMAT cannot hold a key that is no text"),
            (
                Format::Yaml,
                "? [x]\n: y\n",
                &[Json, Toml, Yaml],
                "\"[x]\" of f: FORMAT cannot hold a key that is a list, a map or an alias",
            ),
            (
                Format::Yaml,
                "0o7: x",
                &[Yaml],
                "0o7 of f: YAML cannot hold a key that readers of YAML 1.1 and 1.2 take for different ones",
            ),
            (
                Format::Yaml,
                "a: 18446744073709551616",
                &[Json, Toml, Yaml],
                "a of f: FORMAT cannot hold a whole number of more than 64 bits",
            ),
            (
                Format::Yaml,
                "a: 9223372036854775808",
                &[Toml],
                "a of f: TOML cannot hold a whole number of more than 64 bits",
            ),
            (Format::Yaml, "a: 1e999", &[Json, Toml, Yaml], "a of f: FORMAT cannot hold such a number"),
            (
                Format::Yaml,
                "a: !!bool yes",
                &[Json, Toml, Yaml],
                "a of f: FORMAT cannot hold a boolean that is neither true nor false",
            ),
            (Format::Toml, "a = 2026-01-01", &[Json, Yaml], "a of f: FORMAT cannot hold a date or time"),
            (Format::Ini, "[s]\na=1\n[s]\nb=2\n", &[Json, Toml, Yaml], "s#2 of f: FORMAT cannot hold a key twice"),
            (Format::Json, "{\"a\": \"encrypted:abc\"}", &[Json, Toml, Yaml], "a of f is still encrypted (dotenvx)"),
        ] {
            for format in [Json, Toml, Yaml] {
                let title = format!("{format:?}").to_uppercase();
                if formats.contains(&format) {
                    assert_eq!(spelled(source, text, format), Err(said.replace("FORMAT", &title)), "{text}");
                }
            }
        }
    }

    #[test]
    fn several_documents_stand_side_by_side_unless_they_share_a_key() {
        let texts = ["a: 1\n", "b: {c: 2}\n", "a: {}\n", "- x\n"];
        let documents: Vec<Document> =
            texts.iter().map(|text| document::parse(Format::Yaml, text).expect("it is sound")).collect();
        let spelled = |indexes: &[usize]| {
            let names = ["f0", "f1", "f2", "f3"];
            let value = |index: &usize| {
                let value = value_of(names[*index], Format::Yaml, &documents[*index], texts[*index]);
                (names[*index], value.expect("one document"))
            };
            tree::spell(indexes.iter().map(value).collect(), TreeFormat::Yaml)
                .map(|text| text.to_string())
                .map_err(|error| error.to_string())
        };
        assert_eq!(spelled(&[0, 1]), Ok("a: 1\nb:\n  c: 2\n".to_owned()));
        assert_eq!(spelled(&[0, 1, 2]), Err("a of f0 and a of f2 would both be a".to_owned()));
        assert_eq!(spelled(&[0, 3]), Err("f3: one document of several files cannot hold a list".to_owned()));
    }

    proptest! {
        #[test]
        fn an_error_never_shows_a_value(value in "[a-z]{6,}canary[^']{0,20}") {
            for text in [format!("a b: {value:?}"), format!("path: {value:?}"), format!("a: {value:?}\nA: {value:?}")] {
                if let Ok(document) = document::parse(Format::Yaml, &text) {
                    let naming = Naming::default();
                    let mut variables = Variables::collect(&naming);
                    let value = value_of("f", Format::Yaml, &document, &text).expect("one document");
                    let error = variables.add(("f", Format::Yaml), &value).expect_err("it is refused");
                    let said = format!("{error} {error:?}");
                    prop_assert!(!said.contains("canary"));
                }
            }
        }
    }
}
