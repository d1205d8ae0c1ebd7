//! Small plain pages: a title, a sentence or two, at most one link.

use std::fmt::Write as _;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A page.
pub(super) struct Page<'a> {
    pub(super) status: StatusCode,
    pub(super) title: &'a str,
    pub(super) says: &'a [&'a str],
    /// An address and what to call it.
    pub(super) link: Option<(&'a str, &'a str)>,
}

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        let title = escape(self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{title} - Lanyard</title>\n<h1>{title}</h1>\n"
        );
        for sentence in self.says {
            let _ = writeln!(html, "<p>{}</p>", escape(sentence));
        }
        if let Some((address, words)) = self.link {
            let (address, words) = (escape(address), escape(words));
            let _ = writeln!(html, "<p><a href=\"{address}\">{words}</a></p>");
        }
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        (self.status, kind, html).into_response()
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_page_is_markup_but_the_page_itself() {
        assert_eq!(
            super::escape("<a href=\"x\" id='y'>&"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;"
        );
    }
}
