//! A message edited in any order is what a plain vector would be.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spanwire_core::Message;

#[derive(Arbitrary, Debug)]
enum Edit {
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Trim(u8),
    Chop(u8),
    TrimWord,
    Clear,
    Reserve(u16),
    Set(u8, u8),
    HeaderAppend(Vec<u8>),
    HeaderInsert(Vec<u8>),
    HeaderTrim(u8),
    HeaderChop(u8),
    HeaderWord(u32),
    HeaderTrimWord,
    TakeWord,
    Join,
    Freeze,
    Clone,
}

fuzz_target!(|edits: Vec<Edit>| {
    let mut msg = Message::new();
    let (mut header, mut body) = (Vec::new(), Vec::new());
    // Clones share memory and must not change with the original.
    let mut clones = Vec::new();
    for edit in edits {
        match edit {
            Edit::Append(bytes) => {
                msg.append(&bytes);
                body.extend_from_slice(&bytes);
            }
            Edit::Insert(bytes) => {
                msg.insert(&bytes);
                body.splice(..0, bytes);
            }
            Edit::Trim(n) => assert_eq!(msg.trim(n.into()), cut_front(&mut body, n.into())),
            Edit::Chop(n) => assert_eq!(msg.chop(n.into()), cut_back(&mut body, n.into())),
            Edit::TrimWord => assert_eq!(msg.trim_u32(), word(&mut body)),
            Edit::Clear => {
                msg.clear();
                body.clear();
            }
            Edit::Reserve(n) => {
                msg.reserve(n.into());
                assert!(msg.capacity() >= body.len() + usize::from(n));
            }
            Edit::Set(at, value) => {
                if let Some(byte) = body.get_mut(usize::from(at)) {
                    *byte = value;
                    msg.body_mut()[usize::from(at)] = value;
                }
            }
            Edit::HeaderAppend(bytes) => {
                msg.append_header(&bytes);
                header.extend_from_slice(&bytes);
            }
            Edit::HeaderInsert(bytes) => {
                msg.insert_header(&bytes);
                header.splice(..0, bytes);
            }
            Edit::HeaderTrim(n) => assert_eq!(msg.trim_header(n.into()), cut_front(&mut header, n.into())),
            Edit::HeaderChop(n) => assert_eq!(msg.chop_header(n.into()), cut_back(&mut header, n.into())),
            Edit::HeaderWord(n) => {
                msg.append_header_u32(n);
                header.extend_from_slice(&n.to_be_bytes());
                assert_eq!(msg.last_header_u32(), Some(n));
            }
            Edit::HeaderTrimWord => assert_eq!(msg.trim_header_u32(), word(&mut header)),
            Edit::TakeWord => {
                let expected = if header.is_empty() { word(&mut body) } else { word(&mut header) };
                assert_eq!(msg.take_word(), expected);
            }
            Edit::Join => {
                msg.join_header();
                header.append(&mut body);
                body = std::mem::take(&mut header);
            }
            Edit::Freeze => msg.freeze(),
            Edit::Clone => clones.push((msg.clone(), header.clone(), body.clone())),
        }
        assert_eq!((msg.header(), msg.body(), msg.len()), (&header[..], &body[..], body.len()));
    }
    for (msg, header, body) in clones {
        assert_eq!((msg.header(), msg.to_bytes().as_ref()), (&header[..], &body[..]));
        assert_eq!(msg.into_bytes(), body);
    }
});

fn cut_front(bytes: &mut Vec<u8>, n: usize) -> bool {
    let there = n <= bytes.len();
    if there {
        bytes.drain(..n);
    }
    there
}

fn cut_back(bytes: &mut Vec<u8>, n: usize) -> bool {
    let rest = bytes.len().checked_sub(n);
    if let Some(rest) = rest {
        bytes.truncate(rest);
    }
    rest.is_some()
}

fn word(bytes: &mut Vec<u8>) -> Option<u32> {
    let word = u32::from_be_bytes(*bytes.first_chunk()?);
    bytes.drain(..4);
    Some(word)
}
