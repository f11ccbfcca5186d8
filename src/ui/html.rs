//! A page for a browser, written so that text cannot become markup: names of elements and attributes are those of this
//! program, and everything else is escaped here.
//!
//! A page is one file, asks nothing of any network and runs nothing: its policy (Content Security Policy) allows the one
//! style that is in it, by its digest. Every element is closed, so that a parser of XML reads it too.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::one_line;

/// A part of a page that is being written.
#[derive(Default)]
pub struct Html {
    text: String,
}

/// The attributes of an element; of those that can hold an address none is ever written.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

/// Returns a whole page. The style must be one of this program's own.
pub fn page(title: &str, style: &'static str, body: impl FnOnce(&mut Html)) -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(style));
    let policy = format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    let mut page = Html { text: "<!DOCTYPE html>\n".to_owned() };
    page.element("html", &[("lang", "en"), ("xmlns", "http://www.w3.org/1999/xhtml")], |html| {
        html.element("head", &[], |head| {
            head.void("meta", &[("charset", "utf-8")]);
            head.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
            head.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            head.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
            head.void("meta", &[("name", "robots"), ("content", "noindex")]);
            head.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            head.words("title", &[], title);
            // Raw in HTML and text in XML: the same, as it has neither `<` nor `&`.
            debug_assert!(!style.contains(['<', '&']), "the style is its own text in XML too");
            head.element("style", &[], |head| head.text.push_str(style));
        });
        html.element("body", &[], body);
    });
    page.text.push('\n');
    page.text
}

impl Html {
    /// Writes an element with what is in it.
    pub fn element(&mut self, name: &'static str, attributes: Attributes<'_>, content: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        self.text.push('>');
        content(self);
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
        if BLOCKS.contains(&name) {
            self.text.push('\n');
        }
    }

    /// Writes an element with nothing but text in it.
    pub fn words(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |element| element.text(text));
    }

    /// Writes an element that never has anything in it.
    pub fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.text.push_str(" />");
    }

    /// Writes text. What could deceive a reader's eye is spelled out, as on a terminal.
    pub fn text(&mut self, text: &str) {
        for character in one_line(text).chars() {
            match character {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                // No characters of XML.
                '\u{fffe}' | '\u{ffff}' => self.text.push('\u{fffd}'),
                _ => self.text.push(character),
            }
        }
    }

    /// Writes a path, which can be broken behind its slashes where a line is full.
    pub fn path(&mut self, path: &str) {
        for (index, part) in path.split_inclusive('/').enumerate() {
            if index > 0 {
                self.void("wbr", &[]);
            }
            self.text(part);
        }
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.text.push('<');
        self.text.push_str(name);
        for (attribute, value) in attributes {
            debug_assert!(!ADDRESSES.contains(attribute), "a page leads nowhere but into itself");
            self.text.push(' ');
            self.text.push_str(attribute);
            self.text.push_str("=\"");
            self.text(value);
            self.text.push('"');
        }
    }
}

/// A link within the page.
impl Html {
    /// Writes a link to an element of the page, by its `id`.
    pub fn link_to(&mut self, id: &'static str, text: &str) {
        self.text.push_str("<a href=\"#");
        self.text(id);
        self.text.push_str("\">");
        self.text(text);
        self.text.push_str("</a>");
    }
}

/// Elements behind which a line ends, so that a page can be read, and compared, as text.
const BLOCKS: [&str; 14] =
    ["head", "h1", "h2", "h3", "header", "li", "p", "section", "style", "table", "tbody", "thead", "title", "tr"];
/// Attributes whose value a browser fetches, follows or runs.
const ADDRESSES: [&str; 10] =
    ["action", "background", "data", "formaction", "href", "ping", "poster", "src", "srcset", "style"];

#[cfg(test)]
mod tests {
    use super::{Html, page};

    fn written(write: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::default();
        write(&mut html);
        html.text
    }

    #[test]
    fn text_cannot_become_markup() {
        let hostile = "</td><script>alert('1')</script>&amp;";
        assert_eq!(
            written(|html| html.words("td", &[("title", "\" onclick=\"x")], hostile)),
            "<td title=\"&quot; onclick=&quot;x\">&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;</td>"
        );
    }

    #[test]
    fn what_deceives_the_eye_is_spelled_out() {
        assert_eq!(written(|html| html.text("a\u{202e}b\0c\nd")), "a\\u{202e}b\\u{0}c\\u{a}d");
        assert_eq!(written(|html| html.path("a/<b>/c")), "a/<wbr />&lt;b&gt;/<wbr />c");
    }

    #[test]
    fn the_policy_of_a_page_allows_its_own_style_and_nothing_else() {
        let page = page("a title", "p { margin: 0 }", |body| body.words("p", &[], "text"));
        // printf 'p { margin: 0 }' | openssl dgst -sha256 -binary | base64
        assert!(page.contains(
            "content=\"default-src &#39;none&#39;; style-src &#39;sha256-7IWhgxoOGTB5NQzjGk9OPt0FwhVeBvZGoWgF9xLLh8c=&#39;; "
        ), "{page}");
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\""), "{page}");
    }
}
