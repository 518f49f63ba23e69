//! The header of a message.

/// The header of a message: bytes that protocols put in front of the body, usually words of 4 bytes.
#[derive(Clone, Default)]
pub struct Header {
    short: [u8; SHORT_HEADER],
    len: u8,
    /// What is too long, as a whole.
    #[expect(
        clippy::box_collection,
        reason = "a Vec would make every message 16 bytes larger for the rare long header"
    )]
    long: Option<Box<Vec<u8>>>,
}

impl Header {
    /// An empty header.
    ///
    /// ```
    /// use spanwire_core::message::Header;
    ///
    /// assert!(Header::new().as_slice().is_empty());
    /// ```
    #[inline]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes.
    ///
    /// ```
    /// use spanwire_core::message::Header;
    ///
    /// let mut header = Header::new();
    /// header.append(b"ab");
    /// assert_eq!(header.as_slice(), b"ab");
    /// ```
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.long {
            None => self.short.get(..usize::from(self.len)).unwrap_or_default(),
            Some(long) => long,
        }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        match &mut self.long {
            None => self.short.get_mut(..usize::from(self.len)).unwrap_or_default(),
            Some(long) => long,
        }
    }

    /// Adds a big-endian word at the end.
    ///
    /// ```
    /// use spanwire_core::message::Header;
    ///
    /// let mut header = Header::new();
    /// header.push(7);
    /// assert_eq!(header.as_slice(), [0, 0, 0, 7]);
    /// ```
    pub fn push(&mut self, word: u32) {
        self.append(&word.to_be_bytes());
    }

    /// Adds bytes at the end.
    ///
    /// ```
    /// use spanwire_core::message::Header;
    ///
    /// let mut header = Header::new();
    /// header.append(b"ab");
    /// header.append(b"c");
    /// assert_eq!(header.as_slice(), b"abc");
    /// ```
    pub fn append(&mut self, bytes: &[u8]) {
        if let Some(long) = &mut self.long {
            return long.extend_from_slice(bytes);
        }
        let len = usize::from(self.len);
        match self.short.get_mut(len..len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len() as u8;
            }
            None => self.long = Some(Box::new([self.as_slice(), bytes].concat())),
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        match &mut self.long {
            None => self.len = self.len.min(len as u8),
            Some(long) => long.truncate(len),
        }
    }
}

/// Three words, and the sizes of the parts make a message 112 bytes.
const SHORT_HEADER: usize = 15;
