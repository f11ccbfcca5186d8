//! `secret generate`.

use clap::Args;
use zeroize::Zeroizing;

use super::hint::recipe_hint;
use super::{CommandError, Context};
use crate::generate::{Recipe, RecipeError};

/// Print a new random value
///
/// A recipe is one of password:N (letters and digits; or the classes that it names: lower, upper, digits, symbols, less
/// what stands behind exclude=), hex:N, base64:N and base64url:N (N bytes), words:N, uuid, ssh-ed25519, age. All values of
/// a recipe are equally likely; how many bits of entropy that is, and a public key, is told on stderr. A line end is added.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct GenerateArgs {
    /// How the value is made
    #[arg(value_name = "RECIPE")]
    recipe: String,
}

pub const EXAMPLES: &str = "\
Examples:
  secret generate password:32
  secret generate password:24,lower,upper,digits,symbols,exclude=0O1l
  secret generate words:6";

pub fn run(arguments: &GenerateArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let recipe = parse_recipe(&arguments.recipe)?;
    let generated = recipe.generate();
    // With a line end, as other generators print it; `--stdin` and `$(…)` drop it again.
    let mut line = Zeroizing::new(String::with_capacity(generated.value.len() + 1));
    line.push_str(generated.value.trim_end_matches('\n'));
    line.push('\n');
    context.ui.reveal(line.as_bytes())?;
    tell(Some(&recipe), generated.public.as_deref(), context);
    Ok(())
}

/// Reads a recipe of the command line.
pub fn parse_recipe(text: &str) -> Result<Recipe, CommandError> {
    text.parse().map_err(|error: RecipeError| {
        let hint = recipe_hint(&error);
        CommandError::usage(format!("not a recipe: {error}")).hint(hint)
    })
}

/// Says what may be known of a new value.
pub fn tell(recipe: Option<&Recipe>, public: Option<&str>, context: &Context<'_>) {
    if let Some(recipe) = recipe {
        context.ui.note(&format!("{} bits of entropy ({recipe})", bits(recipe)));
    }
    if let Some(public) = public {
        context.ui.note(&format!("public key: {public}"));
    }
}

/// Returns the entropy in whole bits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is some thousand at most")]
pub fn bits(recipe: &Recipe) -> u32 {
    recipe.entropy().floor() as u32
}
