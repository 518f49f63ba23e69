//! How received messages are printed: byte for byte as nngcat does.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use clap::ValueEnum;

use crate::exit::Exit;

/// The form of a printed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Print nothing
    No,
    /// Bytes that are not printable ASCII become dots; no newline is added, except on a terminal
    Ascii,
    /// Every byte as \xHH, in double quotes, one message a line
    Hex,
    /// MessagePack "bin": a type byte, the length, the bytes
    Msgpack,
    /// A C string in double quotes, one message a line
    Quoted,
    /// The bytes as they are, nothing between messages
    Raw,
}

impl Format {
    /// Writes one message.
    pub(crate) fn write(self, body: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::No => Ok(()),
            Self::Ascii => {
                let text: Vec<u8> = body.iter().map(|&b| if is_printable(b) { b } else { b'.' }).collect();
                out.write_all(&text)
            }
            Self::Hex => {
                out.write_all(b"\"")?;
                body.iter().try_for_each(|b| write!(out, "\\x{b:02x}"))?;
                out.write_all(b"\"\n")
            }
            Self::Msgpack => {
                let len = body.len();
                match (u8::try_from(len), u16::try_from(len), u32::try_from(len)) {
                    (Ok(len), ..) => out.write_all(&[0xc4, len])?,
                    (_, Ok(len), _) => {
                        out.write_all(&[0xc5])?;
                        out.write_all(&len.to_be_bytes())?;
                    }
                    (.., Ok(len)) => {
                        out.write_all(&[0xc6])?;
                        out.write_all(&len.to_be_bytes())?;
                    }
                    _ => {
                        let text = format!("MessagePack has no form for {len} bytes");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                    }
                }
                out.write_all(body)
            }
            Self::Quoted => {
                out.write_all(b"\"")?;
                for &b in body {
                    match b {
                        b'\n' => out.write_all(b"\\n")?,
                        b'\r' => out.write_all(b"\\r")?,
                        b'\t' => out.write_all(b"\\t")?,
                        b'"' | b'\\' => out.write_all(&[b'\\', b])?,
                        _ if is_printable(b) => out.write_all(&[b])?,
                        _ => write!(out, "\\x{b:02x}")?,
                    }
                }
                out.write_all(b"\"\n")
            }
            Self::Raw => out.write_all(body),
        }
    }
}

/// Prints messages to standard output.
pub(crate) struct Printer {
    format: Format,
    /// On a terminal ASCII messages end their line; otherwise they could not be told apart.
    break_lines: bool,
    out: BufWriter<StdoutLock<'static>>,
}

impl Printer {
    /// Takes standard output for this process.
    pub(crate) fn new(format: Format) -> Self {
        let out = io::stdout().lock();
        let break_lines = format == Format::Ascii && out.is_terminal();
        Self { format, break_lines, out: BufWriter::with_capacity(BUFFER, out) }
    }

    /// Prints a message; the reader may see it only after [`flush`](Self::flush).
    pub(crate) fn print(&mut self, body: &[u8]) -> Result<(), Exit> {
        self.format.write(body, &mut self.out).map_err(Exit::writing)?;
        if self.break_lines {
            self.out.write_all(b"\n").map_err(Exit::writing)?;
        }
        Ok(())
    }

    /// Lets the reader see everything that was printed.
    pub(crate) fn flush(&mut self) -> Result<(), Exit> {
        self.out.flush().map_err(Exit::writing)
    }
}

/// As C's `isprint` has it in the "C" locale.
fn is_printable(b: u8) -> bool {
    b == b' ' || b.is_ascii_graphic()
}

const BUFFER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        format.write(body, &mut out).unwrap();
        out
    }

    /// What nngcat 1.5.2 printed for this message.
    #[test]
    fn every_format_is_nngcats() {
        let body = b"a\"b\\c\n\r\t\x00\x7f\xc3\xa9 z";
        assert_eq!(written(Format::No, body), b"");
        assert_eq!(written(Format::Ascii, body), b"a\"b\\c....... z");
        assert_eq!(
            written(Format::Quoted, body),
            br#""a\"b\\c\n\r\t\x00\x7f\xc3\xa9 z""#.iter().chain(b"\n").copied().collect::<Vec<_>>()
        );
        let hex = br#""\x61\x22\x62\x5c\x63\x0a\x0d\x09\x00\x7f\xc3\xa9\x20\x7a""#;
        assert_eq!(written(Format::Hex, body), [&hex[..], b"\n"].concat());
        assert_eq!(written(Format::Msgpack, body), [&[0xc4, 14], &body[..]].concat());
        assert_eq!(written(Format::Raw, body), body);
    }

    #[test]
    fn messagepack_lengths_take_one_two_or_four_bytes() {
        for (len, head) in [
            (0, &[0xc4, 0][..]),
            (255, &[0xc4, 255]),
            (256, &[0xc5, 1, 0]),
            (65535, &[0xc5, 255, 255]),
            (65536, &[0xc6, 0, 1, 0, 0]),
        ] {
            let out = written(Format::Msgpack, &vec![7; len]);
            assert_eq!((&out[..head.len()], out.len()), (head, head.len() + len), "{len}");
        }
    }

    #[test]
    fn an_empty_message_is_still_a_line() {
        assert_eq!(written(Format::Quoted, b""), b"\"\"\n");
        assert_eq!(written(Format::Hex, b""), b"\"\"\n");
        assert_eq!(written(Format::Ascii, b""), b"");
    }
}
