//! Sizes as people write them.

/// Bytes: `14MB` (10^6), `64KiB` (2^10), `900000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "kib" => f64::from(1 << 10),
            "mib" => f64::from(1 << 20),
            "gib" => f64::from(1 << 30),
            other => {
                return Err(format!("{other:?} is not a unit: use kB, MB, GB, KiB, MiB or GiB"));
            }
        };
        match number.parse::<f64>() {
            Ok(number) if (1.0..=1e15).contains(&(number * unit)) => {
                Ok(Size((number * unit) as usize))
            }
            _ => Err("must be a number with a unit, as 14MB".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("14MB", 14_000_000),
            ("1.5 kb", 1500),
            ("64KiB", 65_536),
            ("7", 7),
            ("2G", 2_000_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "MB", "14 elephants", "0", "-1MB", "1.2.3MB", "1e9"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
