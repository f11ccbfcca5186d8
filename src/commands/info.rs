//! `secret info`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::document::Format;
use crate::envelope::native::Metadata;
use crate::workspace::Inspected;

/// Show the header of an encrypted file
///
/// Needs no identity, and so has not authenticated what it shows.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct InfoArgs {
    /// The encrypted file
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret info secrets/db.yaml
  secret info secrets/db.yaml --json";

/// Returns what is said of single values, for machines.
fn said_of_values(metadata: &Metadata) -> serde_json::Value {
    let said = metadata.values.iter().map(|(key, value)| {
        let fields = value.fields().into_iter().map(|(name, text)| {
            let text = if name == "links" { serde_json::json!(value.links) } else { text.into() };
            (name.to_owned(), text)
        });
        (key.clone(), serde_json::Value::Object(fields.collect()))
    });
    serde_json::Value::Object(said.collect())
}

pub fn run(arguments: &InfoArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let Inspected { header, counts, .. } = workspace.inspect(workspace.target(&arguments.file)?)?;
    let metadata = &header.metadata;
    let readers: Vec<&str> = header.recipients.keys().map(String::as_str).collect();
    if arguments.json {
        let exposed: Vec<serde_json::Value> = header
            .exposed
            .iter()
            .map(|exposure| {
                serde_json::json!({
                    "member": exposure.member, "generation": exposure.generation, "day": exposure.day.to_string(),
                })
            })
            .collect();
        return Ok(context.ui.print_json(&serde_json::json!({
            "version": 1, "file_id": header.file_id.to_string(), "path": header.path, "format": header.format.name(),
            "mode": header.mode.name(), "generation": header.generation, "revision": header.revision,
            "owner": metadata.owner, "purpose": metadata.purpose, "created": header.created.to_string(),
            "rotate_every": metadata.rotate_every, "rotation_due": metadata.rotation_due.map(|day| day.to_string()),
            "comments": header.comments.name(),
            "cleartext": header.cleartext.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "tags": metadata.tags, "recipients": header.recipients, "exposed": exposed,
            "said_of_values": said_of_values(metadata),
            "values": { "encrypted": counts.encrypted, "clear": counts.clear },
        }))?);
    }
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
    row("path", header.path.clone());
    row(
        "format",
        if header.format == Format::Opaque {
            "opaque".to_owned()
        } else {
            format!("{} ({})", header.format, header.mode.name())
        },
    );
    row("readers", readers.join(", "));
    let optional = [
        ("owner", metadata.owner.clone()),
        ("purpose", metadata.purpose.clone()),
        ("rotate every", metadata.rotate_every.clone()),
        ("rotation due", metadata.rotation_due.map(|day| day.to_string())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            row(name, value);
        }
    }
    for (name, tag) in &metadata.tags {
        row(&format!("tag {name}"), tag.clone());
    }
    for (key, value) in &metadata.values {
        let said: Vec<String> =
            value.fields().iter().map(|(name, text)| format!("{} {text}", name.replace('_', " "))).collect();
        row(key, said.join(", "));
    }
    row("created", header.created.to_string());
    row("data key", format!("generation {}, header revision {}", header.generation, header.revision));
    if let Some(encrypted) = counts.encrypted {
        row("values", format!("{encrypted} encrypted, {} in clear", counts.clear));
    }
    for exposure in &header.exposed {
        row(
            "former reader",
            format!("{} until {} (generation {})", exposure.member, exposure.day, exposure.generation),
        );
    }
    row("file id", header.file_id.to_string());
    Ok(context.ui.print_table(&rows)?)
}
