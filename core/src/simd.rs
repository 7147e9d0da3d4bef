//! Which vector instructions are used, and plain loops compiled for them.
//!
//! The level is found once, when it is first asked for: the best that the CPU has, or a lower one that the environment
//! variable `CALLPRINT_SIMD` names (`scalar`, `neon`, `avx2`, `avx512`). The variable can lower the level, never raise it;
//! a name that is unknown, or that the CPU cannot run, changes nothing. Results are the same bits at every level.
//!
//! Most hot loops are written once in safe Rust; [`wide!`] compiles them a second time with AVX2 allowed and picks at run
//! time. Only integer arithmetic and floating-point in source order are involved (the compiler fuses nothing by itself;
//! where the source says `mul_add`, it is fused on every machine), so both versions give the same bits. Asking for the level is one load, a nanosecond a call.

use std::{fmt, sync::LazyLock};

/// Name of the environment variable that lowers the level.
const VARIABLE: &str = "CALLPRINT_SIMD";

/// Vector instructions, in ascending order for each architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SimdLevel {
    /// None beyond what every CPU of the architecture has: the reference that the others must equal.
    Scalar,
    /// Advanced SIMD of 64-bit Arm.
    Neon,
    /// AVX2, FMA and POPCNT of x86-64 (Haswell, Zen and later).
    Avx2,
    /// AVX-512 F, BW, DQ, VL and VPOPCNTDQ of x86-64 (Ice Lake, Zen 4 and later).
    Avx512,
}

impl SimdLevel {
    /// All levels, of all architectures.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name that `CALLPRINT_SIMD` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this CPU can run it, whatever `CALLPRINT_SIMD` says.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vpopcntdq")
            }
            #[allow(unreachable_patterns, reason = "which levels are left depends on the architecture")]
            _ => false,
        }
    }

    /// The highest available level, or the one of this `name` where that is lower and available.
    fn choose(available: impl Fn(Self) -> bool, name: Option<&str>) -> Self {
        let best = Self::ALL.into_iter().rev().find(|&level| available(level)).unwrap_or(Self::Scalar);
        let wanted = name.and_then(|name| Self::ALL.into_iter().find(|level| level.name() == name));
        wanted.filter(|&level| level < best && available(level)).unwrap_or(best)
    }
}

impl fmt::Display for SimdLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The level in use in this process: what the CPU has, or less where `CALLPRINT_SIMD` says so.
///
/// The environment is read once; a change of the variable after the first call has no effect.
#[inline]
pub fn simd_level() -> SimdLevel {
    static LEVEL: LazyLock<SimdLevel> = LazyLock::new(|| {
        let name = std::env::var(VARIABLE).ok();
        SimdLevel::choose(SimdLevel::is_available, name.as_deref())
    });
    *LEVEL
}

/// Defines a function whose body is compiled for the baseline and for AVX2.
macro_rules! wide {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn plain($($arg: $type),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,popcnt")]
                fn avx2($($arg: $type),*) $(-> $ret)? {
                    plain($($arg),*)
                }
                if $crate::simd::simd_level() >= $crate::simd::SimdLevel::Avx2 {
                    #[expect(unsafe_code, reason = "calling code compiled for instructions just detected")]
                    // SAFETY: the line above found the CPU to have these instructions; the code itself is safe Rust.
                    return unsafe { avx2($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}

pub(crate) use wide;

#[cfg(test)]
mod tests {
    use super::SimdLevel::{self, Avx2, Avx512, Neon, Scalar};

    #[test]
    fn the_variable_lowers_the_level_and_never_raises_it() {
        let with = |highest: SimdLevel, name| SimdLevel::choose(|level| level <= highest && level != Neon, name);
        assert_eq!(with(Avx512, None), Avx512);
        assert_eq!(with(Avx512, Some("avx2")), Avx2);
        assert_eq!(with(Avx512, Some("scalar")), Scalar);
        assert_eq!(with(Avx2, Some("avx512")), Avx2);
        assert_eq!(with(Scalar, Some("avx2")), Scalar);
    }

    #[test]
    fn names_that_mean_nothing_here_change_nothing() {
        let x86 = |level| level <= Avx512 && level != Neon;
        for name in ["", "neon", "AVX2", "sse9", "avx2 "] {
            assert_eq!(SimdLevel::choose(x86, Some(name)), Avx512, "{name:?}");
        }
        let arm = |level| level <= Neon;
        assert_eq!(SimdLevel::choose(arm, Some("avx2")), Neon);
        assert_eq!(SimdLevel::choose(arm, Some("scalar")), Scalar);
    }
}
