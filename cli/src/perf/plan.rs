//! What is measured, and the words for it on the command line.

use std::time::Duration;

/// What one measurement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Which way messages go.
    pub measure: Measure,
    /// Bytes of a message.
    pub size: usize,
    /// Connections, each with a socket and a thread at either end.
    pub streams: u32,
    /// How much is measured, by all streams together.
    pub amount: Amount,
    /// How long messages flow before that.
    pub warm_up: Duration,
}

/// Which way messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// From the client to the server and back: req and rep.
    Lat,
    /// From the client to the server: push and pull.
    Up,
    /// From the server to the client: push and pull.
    Down,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// So many messages.
    Count(u64),
    /// As many as fit in this time.
    Time(Duration),
}

/// Ports that a server may open for measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// The first of them.
    pub first: u16,
    /// The last of them.
    pub last: u16,
}

impl Measure {
    /// Its name in the control exchange and in what is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lat => "lat",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// The measure of this name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Lat, Self::Up, Self::Down].into_iter().find(|measure| measure.name() == name)
    }
}

impl Amount {
    /// What one of the streams does of it.
    pub(crate) fn share(self, streams: u32, stream: usize) -> Self {
        let (streams, stream) = (u64::from(streams.max(1)), stream as u64);
        match self {
            Self::Count(n) => Self::Count(n / streams + u64::from(stream < n % streams)),
            Self::Time(time) => Self::Time(time),
        }
    }
}

/// Several sizes: `64,1KiB,1MiB`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes(pub Vec<usize>);

/// Parses [`Sizes`].
pub(crate) fn sizes(text: &str) -> Result<Sizes, String> {
    text.split(',').map(size).collect::<Result<_, _>>().map(Sizes)
}

/// A number of bytes: `64`, `1KiB`, `1MB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let bad = || format!("{text:?} is no size such as 64, 1KiB or 1MiB");
    let text_at = text.trim();
    let digits = text_at.find(|c: char| !c.is_ascii_digit()).unwrap_or(text_at.len());
    let (number, unit) = text_at.split_at(digits);
    let number: usize = number.parse().map_err(|_| bad())?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err(bad()),
    };
    number.checked_mul(factor).ok_or_else(|| format!("{text:?} is more than this machine can address"))
}

/// Parses [`Ports`]: `5600` or `5600-5607`.
pub(crate) fn ports(text: &str) -> Result<Ports, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse::<u16>(), last.trim().parse()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(Ports { first, last }),
        _ => Err("not a port such as 5600, or ports such as 5600-5607".into()),
    }
}

/// A number of seconds that is not zero.
pub(crate) fn some_seconds(text: &str) -> Result<Duration, String> {
    let time = crate::cat::seconds(text)?;
    if time.is_zero() { Err("no time at all".into()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("0", 0), ("64", 64), ("1KiB", 1024), ("2 mib", 2 << 20), ("1GiB", 1 << 30), ("3kB", 3000)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        assert_eq!(sizes("64,1KiB, 1MB"), Ok(Sizes(vec![64, 1024, 1_000_000])));
        for bad in ["", "KiB", "-1", "1.5KiB", "1 parsec", "64,", "99999999999999999999", "99999999999GiB"] {
            assert!(sizes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_are_one_or_a_range() {
        assert_eq!(ports("5600"), Ok(Ports { first: 5600, last: 5600 }));
        assert_eq!(ports("5600-5607"), Ok(Ports { first: 5600, last: 5607 }));
        for bad in ["", "0", "0-3", "9-8", "1-70000", "a-b"] {
            assert!(ports(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_add_up() {
        for (n, streams) in [(1, 1), (7, 3), (64, 64), (1_000_003, 7)] {
            let share = |i| match Amount::Count(n).share(streams, i) {
                Amount::Count(n) => n,
                Amount::Time(_) => unreachable!(),
            };
            assert_eq!((0..streams as usize).map(share).sum::<u64>(), n);
        }
    }
}
