//! Masking (RFC 6455, section 5.3).

/// What a client's frame is masked with.
pub(super) type Key = [u8; 4];

/// Masks or unmasks bytes that stand at this place of their payload.
pub(super) fn apply(key: Key, at: u64, bytes: &mut [u8]) {
    let key = u32::from_le_bytes(key).rotate_right((at % 4) as u32 * 8);
    let wide = u64::from(key) << 32 | u64::from(key);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_le_bytes(*word) ^ wide).to_le_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(wide.to_le_bytes()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn in_pieces_as_in_one(key: Key, bytes in prop::collection::vec(any::<u8>(), 0..100), cut in 0_usize..100) {
            let plain: Vec<u8> = bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            let mut masked = bytes.clone();
            let cut = cut.min(masked.len());
            let (a, b) = masked.split_at_mut(cut);
            apply(key, 0, a);
            apply(key, cut as u64, b);
            prop_assert_eq!(masked, plain);
        }
    }
}
