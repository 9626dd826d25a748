//! Says if and why products run slower than they could.

use crate::Isa;

impl Isa {
    /// What makes products on this instruction set slower than they could be on this machine, as a
    /// sentence for its administrator: a build or a system that hides what the processor has, or a
    /// processor that has nothing better. `None` if there is nothing to say.
    ///
    /// For the default path ask [`Isa::detect`]: `Isa::detect().advice()`.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        if self != Self::detect() && self.is_available() {
            return Some(
                "this processor has a faster instruction set: leave the choice to `Isa::detect`",
            );
        }
        self.advice_of_target()
    }

    #[cfg(target_arch = "x86_64")]
    fn advice_of_target(self) -> Option<&'static str> {
        advice_x86_64(self, Processor::ask(), cfg!(feature = "std"))
    }

    #[cfg(target_arch = "aarch64")]
    fn advice_of_target(self) -> Option<&'static str> {
        match self.name() {
            "portable" => Some(
                "the kernels do not use NEON in this build: build them with the feature `std`, or for a target that has it",
            ),
            "neon" if cfg!(feature = "std") => Some(
                "this processor has no 8-bit dot products (ARMv8.2 `dotprod`): products of two vectors and more take about three times as long as with them",
            ),
            "neon" => Some(
                "built without the feature `std`, which would ask the processor for dot products: compile with -C target-feature=+dotprod where it has them",
            ),
            _ => None,
        }
    }

    #[cfg(target_family = "wasm")]
    fn advice_of_target(self) -> Option<&'static str> {
        (self == Self::Portable).then_some("compiled without vectors: -C target-feature=+simd128 makes products several times as fast")
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_family = "wasm")))]
    fn advice_of_target(self) -> Option<&'static str> {
        if cfg!(target_arch = "x86") {
            Some("a 32-bit build has only the portable kernels: build for x86-64")
        } else {
            Some("there are no kernels for this kind of processor: the portable ones are used")
        }
    }
}

/// The abilities of an x86-64 processor, whether or not the operating system enables them.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Processor {
    avx2: bool,
    vnni: bool,
}

#[cfg(target_arch = "x86_64")]
impl Processor {
    fn ask() -> Self {
        use core::arch::x86_64::{__cpuid, __cpuid_count};
        // Miri does not emulate a processor.
        if cfg!(miri) || __cpuid(0).eax < 7 {
            return Self { avx2: false, vnni: false };
        }
        let features = __cpuid_count(7, 0);
        let more = if features.eax >= 1 { __cpuid_count(7, 1).eax } else { 0 };
        // EBX 5: AVX2. ECX 11: VNNI of AVX-512. Leaf 7.1, EAX 4: VNNI of AVX.
        let has = |register: u32, bit: u32| register >> bit & 1 == 1;
        Self { avx2: has(features.ebx, 5), vnni: has(features.ecx, 11) || has(more, 4) }
    }
}

#[cfg(target_arch = "x86_64")]
fn advice_x86_64(best: Isa, processor: Processor, asked: bool) -> Option<&'static str> {
    let Processor { avx2, vnni } = processor;
    match best {
        Isa::Portable if avx2 && asked => Some(
            "this processor has AVX2, but the operating system or the virtual machine does not enable its registers: products take several times as long as they could",
        ),
        Isa::Portable if avx2 => Some(
            "this processor has AVX2, but the kernels are built without the feature `std` for a target without it: compile with -C target-feature=+avx2,+fma",
        ),
        Isa::Portable => {
            Some("this processor has no AVX2: the portable kernels take several times as long")
        }
        Isa::Avx2 if vnni && asked => Some(
            "this processor has 8-bit dot products (VNNI), but the operating system or the virtual machine does not enable their registers",
        ),
        Isa::Avx2 if vnni => Some(
            "this processor has 8-bit dot products (VNNI), but the kernels are built without the feature `std` for a target without them: compile with -C target-cpu=native",
        ),
        Isa::Avx2 => Some(
            "this processor has no 8-bit dot products (VNNI): products of two vectors and more take about twice as long as with them",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::Isa;

    #[test]
    fn a_path_that_is_not_the_fastest_is_told() {
        for isa in Isa::available() {
            if isa != Isa::detect() {
                assert!(isa.advice().is_some_and(|words| words.contains("faster")), "{isa}");
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn what_is_hidden_is_told() {
        use super::{Processor, advice_x86_64};
        let cases = [
            (Isa::Portable, false, false, true, Some("no AVX2")),
            (Isa::Portable, true, false, true, Some("operating system")),
            (Isa::Portable, true, true, false, Some("target-feature")),
            (Isa::Avx2, true, false, true, Some("about twice")),
            (Isa::Avx2, true, true, true, Some("operating system")),
            (Isa::Avx2, true, true, false, Some("target-cpu")),
            (Isa::Avx512Vnni, true, true, true, None),
        ];
        for (isa, avx2, vnni, asked, expected) in cases {
            let advice = advice_x86_64(isa, Processor { avx2, vnni }, asked);
            assert_eq!(advice.is_some(), expected.is_some(), "{isa} {advice:?}");
            let words = expected.unwrap_or_default();
            assert!(advice.unwrap_or_default().contains(words), "{advice:?} lacks `{words}`");
        }
        // The processor's own report agrees with the detected instruction set.
        let processor = Processor::ask();
        assert!(processor.avx2 || cfg!(miri) || !Isa::Avx2.is_available());
        assert!(processor.vnni || cfg!(miri) || !Isa::Avx512Vnni.is_available());
    }
}
