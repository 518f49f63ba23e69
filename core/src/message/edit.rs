//! Changing a message in place.

use super::Message;

impl Message {
    /// The header, to be changed in place.
    ///
    /// ```
    /// use spanwire_core::Message;
    ///
    /// let mut msg = Message::new();
    /// msg.append_header(b"abc");
    /// msg.header_mut()[0] = b'x';
    /// assert_eq!(msg.header(), b"xbc");
    /// ```
    pub fn header_mut(&mut self) -> &mut [u8] {
        match &mut self.header.long {
            Some(long) => long,
            None => self.header.short.get_mut(..usize::from(self.header.len)).unwrap_or_default(),
        }
    }
}
