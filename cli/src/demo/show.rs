//! What the user sees: progress on standard error, a table at the end.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of one stage: a bar on a terminal, otherwise a few plain lines.
pub(crate) struct Stage {
    name: &'static str,
    length: u64,
    form: Form,
}

enum Form {
    Bar(ProgressBar),
    /// How many quarters have been told.
    Lines(Cell<u64>),
}

impl Stage {
    /// A stage of this length, in whatever unit.
    pub(crate) fn new(name: &'static str, length: u64) -> Self {
        let form = if io::stderr().is_terminal() {
            let template = "{prefix:<10} {bar:40} {percent:>3} %  {msg}";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            Form::Bar(ProgressBar::new(length).with_prefix(name).with_style(style.progress_chars("█▉▊▋▌▍▎▏ ")))
        } else {
            Form::Lines(Cell::new(0))
        };
        Self { name, length, form }
    }

    /// It has come so far.
    pub(crate) fn at(&self, position: u64, message: &str) {
        match &self.form {
            Form::Bar(bar) => {
                bar.set_message(message.to_owned());
                bar.set_position(position.min(self.length));
            }
            Form::Lines(told) => {
                let quarters = (position.saturating_mul(4) / self.length.max(1)).min(3);
                if quarters > told.get() {
                    told.set(quarters);
                    eprintln!("{}: {} %{}", self.name, quarters * 25, spaced(message));
                }
            }
        }
    }

    /// It has come to its end.
    pub(crate) fn done(self, message: &str) {
        match &self.form {
            Form::Bar(bar) => {
                bar.set_position(self.length);
                bar.finish_with_message(message.to_owned());
                // A finished bar leaves the cursor behind it.
                eprintln!();
            }
            Form::Lines(_) => eprintln!("{}: 100 %{}", self.name, spaced(message)),
        }
    }
}

/// Left-aligned text in three columns.
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    /// A table with these column titles.
    pub(crate) fn new(titles: [&str; 3]) -> Self {
        Self { rows: vec![titles.map(str::to_owned)] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, what: &str, how: String, measured: String) {
        self.rows.push([what.to_owned(), how, measured]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |i: usize| self.rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        let rule = "─".repeat(widths.iter().sum::<usize>() + 4);
        for (i, row) in self.rows.iter().enumerate() {
            let line = format!("{:<a$}  {:<b$}  {}", row[0], row[1], row[2], a = widths[0], b = widths[1]);
            writeln!(f, "{}", line.trim_end())?;
            if i == 0 {
                writeln!(f, "{rule}")?;
            }
        }
        writeln!(f, "{rule}")
    }
}

/// A number with its thousands apart: `1 234 567`.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// So many a second; a rounded number.
pub(crate) fn rate(n: u64, seconds: f64) -> u64 {
    (n as f64 / seconds.max(f64::EPSILON)) as u64
}

/// A length in the unit that fits.
pub(crate) fn bytes(n: u64) -> String {
    let n = n as f64;
    match n {
        _ if n < 1024.0 => format!("{n} bytes"),
        _ if n < 1024.0 * 1024.0 => format!("{:.1} KiB", n / 1024.0),
        _ if n < 1024.0 * 1024.0 * 1024.0 => format!("{:.1} MiB", n / 1024.0 / 1024.0),
        _ => format!("{:.2} GiB", n / 1024.0 / 1024.0 / 1024.0),
    }
}

fn spaced(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(", {message}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn lengths_have_units() {
        assert_eq!(
            [0, 1023, 1536, 64 << 20, 3 << 29].map(bytes),
            ["0 bytes", "1023 bytes", "1.5 KiB", "64.0 MiB", "1.50 GiB"]
        );
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["", "how", "measured"]);
        table.row("one", "a → b".into(), "1".into());
        table.row("eleven", "x".into(), "22".into());
        let text = table.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "        how    measured");
        assert_eq!(lines[2], "one     a → b  1");
        assert_eq!(lines[3], "eleven  x      22");
        assert_eq!(lines[1], lines[4]);
    }
}
