//! Plain loops compiled for wider vectors.
//!
//! The hot loops are written once in safe Rust; [`wide!`] compiles them a second time with AVX2 allowed and picks at run
//! time. Only integer arithmetic and floating-point in source order are involved (no fused multiply-add is enabled), so
//! both versions give the same bits. The detection is a cached flag, a nanosecond a call.

/// Defines a function whose body is compiled for the baseline and for AVX2.
macro_rules! wide {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn plain($($arg: $type),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,popcnt")]
                fn avx2($($arg: $type),*) $(-> $ret)? {
                    plain($($arg),*)
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
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
