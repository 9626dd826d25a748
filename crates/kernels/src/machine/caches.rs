//! The sizes of a core's caches, as reported by Linux.

use alloc::format;
use std::fs;
use std::path::Path;

/// Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caches {
    /// The first data cache.
    pub l1: usize,
    /// The second cache.
    pub l2: usize,
    /// The third cache, if there is one and the system reports it.
    pub l3: Option<usize>,
}

/// The caches of a small processor; used if the system does not report them.
const SMALL: Caches = Caches { l1: 32 << 10, l2: 512 << 10, l3: None };
/// If the system does not report them, no caches are larger than a quarter of this.
const BEYOND: usize = 64 << 20;

impl Caches {
    /// The caches of the core that this thread runs on.
    #[must_use]
    pub fn detect() -> Self {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
        let core = core_of(&stat).unwrap_or(0);
        Self::read(Path::new(&format!("/sys/devices/system/cpu/cpu{core}/cache")))
    }

    /// A number of bytes: after reading that many, almost nothing of earlier data is left in the
    /// caches.
    #[must_use]
    pub fn beyond(&self) -> usize {
        (4 * self.l3.unwrap_or(self.l2)).max(BEYOND)
    }

    fn read(folder: &Path) -> Self {
        let mut caches = SMALL;
        for index in 0..8 {
            let file = |name| fs::read_to_string(folder.join(format!("index{index}/{name}")));
            let (Ok(level), Ok(kind), Ok(size)) = (file("level"), file("type"), file("size"))
            else {
                continue;
            };
            match (level.trim(), kind.trim(), size_of(&size)) {
                ("1", "Data" | "Unified", Some(size)) => caches.l1 = size,
                ("2", _, Some(size)) => caches.l2 = size,
                ("3", _, Some(size)) => caches.l3 = Some(size),
                _ => {}
            }
        }
        caches
    }
}

/// `32K`, `1M`; none if it is zero or not a size.
fn size_of(text: &str) -> Option<usize> {
    let text = text.trim();
    let (digits, unit) = match text.strip_suffix('K') {
        Some(digits) => (digits, 1 << 10),
        None => match text.strip_suffix('M') {
            Some(digits) => (digits, 1 << 20),
            None => (text, 1),
        },
    };
    digits.parse::<usize>().ok()?.checked_mul(unit).filter(|&size| size > 0)
}

/// The 39th field of a thread's `stat` is its processor; the second is a name in brackets that may
/// contain anything.
fn core_of(stat: &str) -> Option<usize> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(39 - 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    #[test]
    fn sizes() {
        let cases = [
            ("32K\n", Some(32 << 10)),
            ("2M", Some(2 << 20)),
            ("512", Some(512)),
            ("0K", None),
            ("K", None),
            ("", None),
            ("18446744073709551615K", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size_of(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_core_is_found_behind_any_name() {
        let numbers: Vec<String> = (4..=52).map(|field: u32| field.to_string()).collect();
        for name in ["a", "a b", "a) 1 2 (3"] {
            assert_eq!(core_of(&format!("1 ({name}) R {}", numbers.join(" "))), Some(39), "{name}");
        }
        for stat in ["", "1 (a", "1 (a) R 1 2"] {
            assert_eq!(core_of(stat), None, "{stat}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_gives_a_small_processor() {
        assert_eq!(Caches::read(Path::new("/nowhere")), SMALL);
        assert!(Caches::detect().beyond() >= BEYOND);
    }
}
