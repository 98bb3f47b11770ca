//! Pseudo-random numbers that spread the delays of many clients.

/// A counter and a mixer of 32 bits (Weyl's sequence, the finaliser of MurmurHash3). Not for secrets.
///
/// Each bit of the seed affects the first number already, so consecutive serial numbers are good seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitter(u32);

impl Jitter {
    pub(super) const fn new(seed: u32) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x85eb_ca6b);
        mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        mixed ^ (mixed >> 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tenth of the range in which a number lies.
    fn tenth(number: u32) -> usize {
        ((u64::from(number) * 10) >> 32) as usize
    }

    #[test]
    fn similar_seeds_spread_from_the_first_number_on() {
        // Serial numbers; addresses of one vendor, whose low half is the seed; numbers that end in zeros.
        for seed in [|at| at, |at| 0x5e10_0000 + at, |at| at << 25, |at| at << 8] {
            let mut devices: [Jitter; 100] = core::array::from_fn(|at| Jitter::new(seed(at as u32)));
            for attempt in 0..8 {
                let mut hits = [0; 10];
                for device in &mut devices {
                    hits[tenth(device.next())] += 1;
                }
                assert!(hits.iter().all(|hits| (1..=30).contains(hits)), "attempt {attempt}: {hits:?}");
            }
        }
    }

    #[test]
    fn the_numbers_of_one_seed_are_spread() {
        for seed in [0, 1, u32::MAX] {
            let (mut device, mut hits) = (Jitter::new(seed), [0; 10]);
            for _ in 0..100 {
                hits[tenth(device.next())] += 1;
            }
            assert!(hits.iter().all(|hits| (1..=30).contains(hits)), "seed {seed}: {hits:?}");
        }
    }
}
