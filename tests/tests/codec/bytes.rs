//! Where the hostile bytes come from: a stream of chance, and what one does to a frame.

/// A stream of chance from a seed (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

/// A payload that no value gave: noise, or what bincode's form of lengths and variants makes dangerous.
pub(crate) fn payload(chance: &mut Chance) -> Vec<u8> {
    let len = 1 << chance.below(16);
    match chance.below(6) {
        0 => (0..len).map(|_| chance.byte()).collect(),
        // Somes and small variants, all the way down.
        1 => vec![1; len],
        2 => (0..len).map(|_| chance.byte() % 4).collect(),
        // Long vectors of what takes no bytes, or one each.
        3 => [length(chance), vec![0; len]].concat(),
        4 => [length(chance), (0..len).map(|_| chance.byte() % 3).collect()].concat(),
        _ => (0..1 + len / 16).flat_map(|_| length(chance)).collect(),
    }
}

/// bincode's form of a length, mostly one that is not true.
fn length(chance: &mut Chance) -> Vec<u8> {
    let len = chance.next() >> chance.below(64);
    let bytes = len.to_le_bytes();
    match len {
        0..=250 => vec![bytes[0]],
        251..=0xFFFF => [&[251], &bytes[..2]].concat(),
        0x1_0000..=0xFFFF_FFFF => [&[252], &bytes[..4]].concat(),
        _ => [&[253], &bytes[..]].concat(),
    }
}

/// Does one to three things to the bytes.
pub(crate) fn mutate(chance: &mut Chance, bytes: &mut Vec<u8>) {
    for _ in 0..1 + chance.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = chance.below(bytes.len());
        match chance.below(7) {
            0 => bytes[at] ^= 1 << chance.below(8),
            1 => bytes[at] = chance.byte(),
            2 => bytes.truncate(at),
            3 => {
                let length = length(chance);
                let end = (at + length.len()).min(bytes.len());
                drop(bytes.splice(at..end, length));
            }
            4 => bytes.insert(at, chance.byte()),
            5 => drop(bytes.remove(at)),
            _ => {
                let end = at + chance.below(bytes.len() - at);
                bytes.extend_from_within(at..end);
            }
        }
    }
}
