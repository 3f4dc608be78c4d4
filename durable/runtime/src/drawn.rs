//! Randomness drawn in blocks: each draw is a call out of the module, and most ids take a few bytes.

use kernel::ids::EntropyError;

/// Bytes of a draw.
pub const BLOCK: usize = 256;

/// A block and how much of it has been handed out.
pub struct Drawn {
    pub block: [u8; BLOCK],
    pub used: usize,
}

impl Drawn {
    /// Fills `bytes`. Each byte is handed out once, and forgotten here. Many bytes are drawn for themselves.
    ///
    /// # Errors
    /// If nothing can be drawn; what is left of a block stays for later then.
    pub fn fill(
        &mut self,
        bytes: &mut [u8],
        draw: impl FnOnce(&mut [u8]) -> Result<(), EntropyError>,
    ) -> Result<(), EntropyError> {
        if bytes.len() > BLOCK / 4 {
            return draw(bytes);
        }
        if self.block.len().saturating_sub(self.used) < bytes.len() {
            draw(&mut self.block)?;
            self.used = 0;
        }
        let left = self.block.get_mut(self.used..).unwrap_or_default();
        for (byte, random) in bytes.iter_mut().zip(left) {
            *byte = core::mem::take(random);
        }
        self.used = self.used.saturating_add(bytes.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Drawn};
    use kernel::ids::EntropyError;

    /// Draws a block in which each byte differs from those beside it, and counts the draws.
    fn draw(draws: &mut u8) -> impl FnOnce(&mut [u8]) -> Result<(), EntropyError> + '_ {
        |block| {
            *draws = draws.saturating_add(1);
            block.iter_mut().zip(0_u8..=255).for_each(|(byte, number)| *byte = number ^ (*draws << 6));
            Ok(())
        }
    }

    #[test]
    fn each_byte_is_handed_out_once_and_forgotten() {
        let (mut drawn, mut draws) = (Drawn { block: [0; BLOCK], used: BLOCK }, 0);
        let mut seen = Vec::new();
        for _ in 0..BLOCK / 16 {
            let mut bytes = [0; 16];
            drawn.fill(&mut bytes, draw(&mut draws)).unwrap();
            seen.extend(bytes);
        }
        seen.sort_unstable();
        assert_eq!((seen, draws), ((0..=255).collect(), 1));
        assert_eq!(drawn.block, [0; BLOCK]);
        drawn.fill(&mut [0; 16], draw(&mut draws)).unwrap();
        assert_eq!(draws, 2);
    }

    #[test]
    fn what_a_block_is_too_short_for_comes_from_a_new_one() {
        let (mut drawn, mut draws) = (Drawn { block: [0; BLOCK], used: BLOCK }, 0);
        let (mut first, mut long) = ([0; 60], [0; BLOCK]);
        for _ in 0..4 {
            drawn.fill(&mut first, draw(&mut draws)).unwrap();
        }
        assert_eq!(draws, 1);
        drawn.fill(&mut first, draw(&mut draws)).unwrap();
        assert_eq!((draws, first[0], first[59]), (2, 128, 59 ^ 128));
        drawn.fill(&mut long, draw(&mut draws)).unwrap();
        assert_eq!((draws, drawn.used), (3, 60));
    }

    #[test]
    fn without_randomness_nothing_is_handed_out() {
        let mut drawn = Drawn { block: [0; BLOCK], used: BLOCK };
        let (mut bytes, mut draws) = ([7; 16], 0);
        assert!(drawn.fill(&mut bytes, |_| Err(EntropyError)).is_err());
        assert_eq!((bytes, drawn.used), ([7; 16], BLOCK));
        drawn.fill(&mut bytes, draw(&mut draws)).unwrap();
        assert_eq!(draws, 1);
    }
}
