//! A message behaves like the bytes in it.

use super::*;
use proptest::prelude::*;

#[test]
fn a_message_is_small_enough_to_be_moved() {
    assert!(size_of::<Message>() <= 112, "{}", size_of::<Message>());
    // It has no value to spare.
    assert!(size_of::<Option<Message>>() > size_of::<Message>());
}

#[test]
fn a_body_is_appended_without_what_lies_behind_it() {
    for len in 0..200_u8 {
        let bytes: Vec<u8> = (1..=len).collect();
        // There is something else behind what is left of it.
        let mut longer = Message::copy_from(&[bytes.clone(), vec![0xff; 20]].concat());
        assert!(longer.chop(20));
        let mut cut = Message::copy_from(&[b"front", &bytes[..]].concat());
        assert!(cut.trim(5));
        for msg in [Message::copy_from(&bytes), longer, cut] {
            let mut out = b"before".to_vec();
            msg.append_body_to(bytes.len(), &mut out);
            assert_eq!(out, [b"before", &bytes[..]].concat());
            assert_eq!(msg.body(), bytes);
        }
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Trim(usize),
    Chop(usize),
    Share,
    Freeze,
    Set(u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..100);
    prop_oneof![
        bytes().prop_map(Edit::Append),
        bytes().prop_map(Edit::Insert),
        (0_usize..80).prop_map(Edit::Trim),
        (0_usize..80).prop_map(Edit::Chop),
        Just(Edit::Share),
        Just(Edit::Freeze),
        any::<u8>().prop_map(Edit::Set),
    ]
}

proptest! {
    #[test]
    fn body_and_header_behave_like_vectors(edits in proptest::collection::vec(edit(), 0..20)) {
        let mut msg = Message::new();
        let mut shares: Vec<(Message, Vec<u8>)> = Vec::new();
        let mut body = Vec::new();
        let mut header = Vec::new();
        for edit in edits {
            match edit {
                Edit::Append(bytes) => {
                    msg.append(&bytes);
                    body.extend_from_slice(&bytes);
                    msg.append_header(&bytes);
                    header.extend_from_slice(&bytes);
                }
                Edit::Insert(bytes) => {
                    msg.insert(&bytes);
                    body.splice(0..0, bytes.iter().copied());
                    msg.insert_header(&bytes);
                    header.splice(0..0, bytes.iter().copied());
                }
                Edit::Trim(n) => {
                    prop_assert_eq!(msg.trim(n), n <= body.len());
                    if n <= body.len() { body.drain(..n); }
                    prop_assert_eq!(msg.trim_header(n), n <= header.len());
                    if n <= header.len() { header.drain(..n); }
                }
                Edit::Chop(n) => {
                    prop_assert_eq!(msg.chop(n), n <= body.len());
                    if n <= body.len() { body.truncate(body.len() - n); }
                    prop_assert_eq!(msg.chop_header(n), n <= header.len());
                    if n <= header.len() { header.truncate(header.len() - n); }
                }
                Edit::Share => shares.push((msg.clone(), body.clone())),
                Edit::Freeze => msg.freeze(),
                Edit::Set(byte) => {
                    msg.body_mut().fill(byte);
                    body.fill(byte);
                }
            }
            prop_assert_eq!(msg.body(), &body[..]);
            prop_assert_eq!(msg.header(), &header[..]);
        }
        for (share, body) in shares {
            prop_assert_eq!(share.body(), &body[..]);
        }
        msg.join_header();
        header.extend_from_slice(&body);
        prop_assert_eq!(msg.body(), &header[..]);
        prop_assert_eq!(Vec::from(msg), header);
    }
}

#[test]
fn words() {
    let mut msg = Message::from([0, 0, 0, 1, 0x80, 0, 0, 2, 9]);
    let mut stack = Header::new();
    stack.push(msg.take_word().unwrap());
    stack.push(msg.take_word().unwrap());
    assert_eq!(msg.take_word(), None);
    msg.set_header(stack);
    assert_eq!(msg.last_header_u32(), Some(0x8000_0002));
    assert_eq!(msg.take_word(), Some(1), "the header comes first");
    assert_eq!(msg.trim_header_u32(), Some(0x8000_0002));
    assert_eq!(msg.body(), [9]);
}
