//! For tests: what every parser owes to sealing. Tokens can stand in for leaves and comments, and the source texts
//! can be put back.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;

use super::{Document, EventKind, Item, KeyPath, Span, SyntaxError, splice};

type Parse = fn(&str) -> Result<Document, SyntaxError>;

/// An item without its place: an event's kind or a leaf's path, and the source text; of a leaf also what stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Event(EventKind, String),
    Leaf(KeyPath, String, String),
    Comment(String),
}

pub(super) fn parts(text: &str, document: &Document) -> Vec<Part> {
    let part = |item: &Item| match item {
        Item::Event(event) => Part::Event(event.kind, event.span.of(text).to_owned()),
        Item::Leaf(leaf) => {
            Part::Leaf(leaf.path.clone(), leaf.span.of(text).to_owned(), leaf.layout.trail.of(text).to_owned())
        }
        Item::Comment(comment) => Part::Comment(comment.span.of(text).to_owned()),
    };
    document.items.iter().map(part).collect()
}

pub(super) fn span(item: &Item) -> Span {
    match item {
        Item::Event(event) => event.span,
        Item::Leaf(leaf) => leaf.span,
        Item::Comment(comment) => comment.span,
    }
}

/// Replaces the chosen leaves and comments by tokens.
pub(super) fn encrypted(text: &str, document: &Document, chosen: impl Fn(usize, &Item) -> bool) -> String {
    let items = document.items.iter().enumerate();
    let chosen = items.filter(|(index, item)| !matches!(item, Item::Event(_)) && chosen(*index, item));
    let tokens: Vec<(Span, String)> = chosen.map(|(index, item)| (span(item), token(index))).collect();
    splice(text, tokens.iter().map(|(span, token)| (*span, token.as_str()))).to_string()
}

/// Puts the source texts into a document whose leaves and comments are all sealed, as opening does: `None` when that
/// is not what was sealed.
pub(super) fn decrypted(parse: Parse, text: &str, document: &Document, tampered: &str) -> Option<String> {
    let sealed = encrypted(text, document, |_, _| true);
    let found = parse(tampered).ok()?;
    if parts(tampered, &found) != parts(&sealed, &parse(&sealed).expect("the first law")) {
        return None;
    }
    let sources = document.items.iter().map(|item| span(item).of(text));
    let opened = splice(tampered, found.items.iter().map(span).zip(sources)).to_string();
    (parts(&opened, &parse(&opened).ok()?) == parts(text, document)).then_some(opened)
}

/// Checks both laws for a document that parses.
pub(super) fn hold(parse: Parse, text: &str, chosen: impl Fn(usize) -> bool) {
    let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    let sealed = encrypted(text, &document, |index, _| chosen(index));
    let again = parse(&sealed).unwrap_or_else(|error| panic!("{error}: {sealed:?} made of {text:?}"));
    let expected = parts(text, &document).into_iter().enumerate().map(|(index, part)| match part {
        Part::Leaf(path, _, trail) if chosen(index) => Part::Leaf(path, token(index), trail),
        Part::Comment(_) if chosen(index) => Part::Comment(token(index)),
        part => part,
    });
    assert_eq!(expected.collect::<Vec<_>>(), parts(&sealed, &again), "{sealed:?} made of {text:?}");
    let sources = document.items.iter().map(|item| span(item).of(text));
    let opened = splice(&sealed, again.items.iter().map(span).zip(sources));
    assert_eq!(*opened, text, "{sealed:?}");
}

/// Chooses nothing, everything or a random part.
pub(super) fn subset() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]
}

pub(super) fn is_in(subset: u64, index: usize) -> bool {
    subset >> (index % 64) & 1 == 1
}

/// Changes `text` outside of all spans: at each place, some bytes go and some text comes.
pub(super) fn tampered(text: &str, document: &Document, changes: &[(Index, usize, &str)]) -> String {
    let mut text = text.to_owned();
    let mut spans: Vec<Span> = document.items.iter().map(span).collect();
    for (place, removed, added) in changes {
        // A gap runs from one item to the next.
        let gap = place.index(spans.len() + 1);
        let start = if gap == 0 { 0 } else { spans[gap - 1].end };
        let end = spans.get(gap).map_or(text.len(), |span| span.start);
        let boundaries: Vec<usize> = (start..=end).filter(|offset| text.is_char_boundary(*offset)).collect();
        let at = boundaries[place.index(boundaries.len())];
        let until = boundaries.iter().copied().filter(|offset| *offset >= at).nth(*removed).unwrap_or(end);
        text.replace_range(at..until, added);
        for span in &mut spans[gap..] {
            *span = Span::new(span.start + added.len() - (until - at), span.end + added.len() - (until - at));
        }
    }
    text
}

fn token(index: usize) -> String {
    format!("secret-v1.{index}.{}", "aZ0_-.".repeat(20))
}
