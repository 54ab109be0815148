//! What every page has around its contents.

use crate::report::text::escape;

const STYLE: &str = concat!(include_str!("../chart.css"), include_str!("../style.css"));

/// A whole page. Its policy forbids the browser to load anything.
pub(in crate::report) fn html(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Figures with two views each, and the switch between them: two radio buttons, which need no script.
pub(in crate::report) fn scale(figures: &str) -> String {
    format!(
        "<input type=\"radio\" name=\"scale\" id=\"linear\" checked><input type=\"radio\" name=\"scale\" id=\"log\">\n\
         <label for=\"linear\">linear scale</label><label for=\"log\">logarithmic scale</label>\n\
         <div class=\"charts\">\n{figures}</div>\n"
    )
}

/// What may be wider or longer than the page, and scrolls within itself.
pub(in crate::report) fn wide(what: &str, contents: &str) -> String {
    format!("<div class=\"wide\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n{contents}</div>\n", escape(what))
}
