//! The style of the page of `status`: every text stands out from what is behind it, on each screen and on paper.

use std::collections::BTreeMap;

use crate::world::World;

/// The least contrast of texts by WCAG 2, level AA.
const LEAST: f64 = 4.5;
/// The names of what can be behind a text that has no background of its own.
const BEHIND: [&str; 3] = ["--paper", "--card", "--faint"];
/// The names of what colours a text that has no colour of its own.
const INHERITED: [&str; 2] = ["--ink", "--soft"];

type Colors = BTreeMap<String, [u8; 3]>;
/// What a style sheet says of one selector.
type Rule = (String, Vec<(String, String)>);

/// Returns what stands before braces, and what between them; a rule without braces in it counts as nothing.
fn blocks(text: &str) -> Vec<(String, String)> {
    let (mut found, mut start, mut open, mut depth) = (Vec::new(), 0, 0, 0);
    for (at, sign) in text.char_indices() {
        match sign {
            '{' => {
                depth += 1;
                if depth == 1 {
                    open = at;
                }
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    found.push((text[start..open].trim().to_owned(), text[open + 1..at].to_owned()));
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    assert_eq!(depth, 0, "braces come in pairs");
    found
}

fn rules(text: &str) -> Vec<Rule> {
    let declarations = |body: &str| {
        let parts = body.split(';').filter_map(|part| part.split_once(':'));
        parts.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    };
    let plain = blocks(text).into_iter().filter(|(selector, _)| !selector.starts_with('@'));
    plain.map(|(selector, body)| (selector, declarations(&body))).collect()
}

/// Returns the rules of one medium.
fn media(style: &str, query: &str) -> Vec<Rule> {
    let found = blocks(style).into_iter().find(|(selector, _)| selector == query);
    rules(&found.unwrap_or_else(|| panic!("{query} is missing")).1)
}

fn color(text: &str) -> [u8; 3] {
    let digits = text.strip_prefix('#').unwrap_or_else(|| panic!("{text} is no color"));
    let digits: String =
        if digits.len() == 3 { digits.chars().flat_map(|one| [one, one]).collect() } else { digits.into() };
    assert_eq!(digits.len(), 6, "{text}");
    [0, 2, 4].map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits"))
}

/// Returns the colors that a medium gives names to, in the place of those before.
fn with(mut colors: Colors, rules: &[Rule]) -> Colors {
    for (_, declarations) in rules.iter().filter(|(selector, _)| selector == ":root") {
        let named = declarations.iter().filter(|(name, _)| name.starts_with("--"));
        colors.extend(named.map(|(name, value)| (name.clone(), color(value))));
    }
    colors
}

/// The relative luminance by WCAG 2.
fn luminance(color: [u8; 3]) -> f64 {
    let [red, green, blue] = color.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Returns the texts that do not stand out enough.
fn faint(rules: &[Rule], colors: &Colors) -> Vec<String> {
    let mut found = Vec::new();
    for (selector, declarations) in rules.iter().filter(|(selector, _)| selector != ":root") {
        let named = |property: &str| {
            let (_, value) = declarations.iter().find(|(name, value)| name == property && value != "inherit")?;
            let name = value.strip_prefix("var(").and_then(|value| value.strip_suffix(')'));
            Some(name.unwrap_or_else(|| panic!("{selector}: {value} is no color of the style")).to_owned())
        };
        let (text, back) = (named("color"), named("background"));
        if text.is_none() && back.is_none() {
            continue;
        }
        let texts = text.map_or_else(|| INHERITED.map(str::to_owned).to_vec(), |text| vec![text]);
        let backs = back.map_or_else(|| BEHIND.map(str::to_owned).to_vec(), |back| vec![back]);
        for (text, back) in texts.iter().flat_map(|text| backs.iter().map(move |back| (text, back))) {
            let contrast = contrast(colors[text], colors[back]);
            if contrast < LEAST {
                found.push(format!("{selector}: {text} on {back} has {contrast:.2}"));
            }
        }
    }
    found
}

#[test]
fn contrast_is_that_of_wcag() {
    let rounded = |one: &str, other: &str| format!("{:.2}", contrast(color(one), color(other)));
    assert_eq!(rounded("#000", "#fff"), "21.00");
    assert_eq!(rounded("#777777", "#fff"), "4.48");
    assert_eq!(rounded("#767676", "#fff"), "4.54");
    assert_eq!(rounded("#f00", "#fff"), "4.00");
}

#[test]
fn every_text_stands_out_in_light_in_the_dark_and_on_paper() {
    let page = World::with_db().page();
    let style = page.split_once("<style>").expect("a style").1.split_once("</style>").expect("its end").0;
    let screen = rules(style);
    let (dark, print) = (media(style, "@media (prefers-color-scheme: dark)"), media(style, "@media print"));
    let light_colors = with(Colors::new(), &screen);
    let dark_colors = with(light_colors.clone(), &dark);
    let both: Vec<Rule> = screen.iter().chain(&print).cloned().collect();
    for (name, rules, colors) in [
        ("light", &screen, &light_colors),
        ("dark", &screen, &dark_colors),
        ("printed", &both, &with(light_colors.clone(), &print)),
        ("printed from the dark", &both, &with(dark_colors.clone(), &print)),
    ] {
        assert!(colors.len() > 10 && rules.len() > 50, "{name}: {colors:?}");
        assert_eq!(faint(rules, colors), Vec::<String>::new(), "{name}");
    }
    // On paper it is black on white, whatever the screen is.
    let printed = with(dark_colors, &print);
    assert_eq!([printed["--ink"], printed["--paper"], printed["--card"]], [[0; 3], [255; 3], [255; 3]]);
    assert_eq!(printed, with(light_colors, &print));
}
