//! Progress bars on stderr; nothing is drawn where it is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};

const TEMPLATE: &str = "{prefix} {wide_bar:.dim} {pos}/{len} {elapsed} (left {eta}) {msg}";

/// A bar over `total` things with the time left; the message stands at its end.
pub fn bar(total: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(total as u64).with_prefix(what.to_string());
    // A test checks the template; without it the bar would only be plainer.
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_template_is_valid() {
        super::ProgressStyle::with_template(super::TEMPLATE).unwrap();
    }
}
