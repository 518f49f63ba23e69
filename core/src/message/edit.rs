//! Changing a message in place.

use super::{Message, Store};

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
        match &mut self.header.0 {
            Store::Inline(inline) => inline.as_mut_slice(),
            Store::Heap(heap) => heap,
        }
    }
}
