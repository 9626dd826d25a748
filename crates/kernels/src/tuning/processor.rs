//! The identity of the processor.

use core::fmt;

/// A kind of processor, by its own identification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processor {
    /// x86-64: `cpuid` leaves 0 and 1.
    X86 {
        /// The vendor's twelve letters, such as `GenuineIntel`.
        vendor: [u8; 12],
        /// Family, including the extended part.
        family: u16,
        /// Model, including the extended part.
        model: u16,
    },
    /// AArch64: the main identity register (MIDR).
    Arm {
        /// The designer: 0x41 is Arm, 0x61 Apple.
        implementer: u8,
        /// The design.
        part: u16,
    },
    /// One that does not say.
    Unknown,
}

impl Processor {
    /// An Intel processor.
    #[must_use]
    pub const fn intel(family: u16, model: u16) -> Self {
        Self::X86 { vendor: *b"GenuineIntel", family, model }
    }

    /// An AMD processor.
    #[must_use]
    pub const fn amd(family: u16, model: u16) -> Self {
        Self::X86 { vendor: *b"AuthenticAMD", family, model }
    }

    /// A processor by Arm.
    #[must_use]
    pub const fn arm(part: u16) -> Self {
        Self::Arm { implementer: 0x41, part }
    }

    /// The processor that runs this thread. AArch64 is identified through Linux; others are
    /// [`Unknown`](Self::Unknown).
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        return x86();
        #[cfg(all(target_arch = "aarch64", feature = "std"))]
        return midr();
        #[allow(unreachable_code)] // other processors do not tell
        Self::Unknown
    }
}

#[cfg(target_arch = "x86_64")]
fn x86() -> Processor {
    use core::arch::x86_64::__cpuid;

    let names = __cpuid(0);
    if names.eax < 1 {
        return Processor::Unknown;
    }
    let mut vendor = [0; 12];
    for (to, register) in vendor.as_chunks_mut().0.iter_mut().zip([names.ebx, names.edx, names.ecx])
    {
        *to = register.to_le_bytes();
    }
    let (family, model) = family_and_model(__cpuid(1).eax);
    Processor::X86 { vendor, family, model }
}

/// Family and model from the signature given by `cpuid`.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
fn family_and_model(signature: u32) -> (u16, u16) {
    let field = |from: u32, bits: u32| (signature >> from & ((1 << bits) - 1)) as u16;
    let (family, model) = (field(8, 4), field(4, 4));
    let whole = if family == 6 || family == 15 { field(16, 4) << 4 | model } else { model };
    (if family == 15 { family + field(20, 8) } else { family }, whole)
}

#[cfg(all(target_arch = "aarch64", feature = "std"))]
fn midr() -> Processor {
    let file = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1";
    std::fs::read_to_string(file)
        .ok()
        .and_then(|text| parse_midr(&text))
        .unwrap_or(Processor::Unknown)
}

/// Parses `0x00000000410fd034`, one line.
#[cfg_attr(not(all(target_arch = "aarch64", feature = "std")), allow(dead_code))]
fn parse_midr(text: &str) -> Option<Processor> {
    let register = u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()?;
    Some(Processor::Arm {
        implementer: (register >> 24) as u8,
        part: (register >> 4 & 0xfff) as u16,
    })
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X86 { vendor, family, model } => {
                write!(f, "{} family {family} model {model}", vendor.escape_ascii())
            }
            Self::Arm { implementer, part } => {
                write!(f, "AArch64 implementer {implementer:#x} part {part:#x}")
            }
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn signatures() {
        // The signatures of these processors, and their known families and models.
        let cases = [
            (0x000C_06F2, (6, 207), "Emerald Rapids"),
            (0x0008_06F8, (6, 143), "Sapphire Rapids"),
            (0x00A1_0F11, (25, 17), "Zen 4 server"),
            (0x00A6_0F12, (25, 97), "Zen 4 desktop"),
            (0x0000_0543, (5, 4), "Pentium MMX"),
        ];
        for (signature, expected, name) in cases {
            assert_eq!(family_and_model(signature), expected, "{name}");
        }
    }

    #[test]
    fn main_identity_registers() {
        let cases = [
            ("0x00000000410fd034\n", Some(Processor::arm(0xd03))),
            ("0x611f0221", Some(Processor::Arm { implementer: 0x61, part: 0x22 })),
            ("410fd034", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_midr(text), expected, "{text:?}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(Processor::intel(6, 207).to_string(), "GenuineIntel family 6 model 207");
        assert_eq!(Processor::arm(0xd03).to_string(), "AArch64 implementer 0x41 part 0xd03");
    }
}
