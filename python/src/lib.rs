//! The compiled part of the Python package `callprint`, imported as `callprint._core`.
//!
//! Each file binds the module of the library that has its name; `call` and `error` are what all of them share. The
//! functions here take arguments that the Python layer has checked and brought into one form (an aligned, contiguous array of
//! `float32` or `int16`, a path); what users see, with its documentation, is in `python/callprint/`.

mod audio;
mod call;
mod detect;
mod error;
mod fingerprint;
mod index;
mod prosody;
mod session;
mod wording;

use pyo3::prelude::*;

/// Compiled functions behind the package `callprint`.
#[pymodule(gil_used = false)]
mod _core {
    use callprint::audio::SAMPLE_RATES;
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::{
        audio::{find_audio, load},
        call::CancelFlag,
        fingerprint::fingerprint,
        index::Index,
        prosody::{feature_table, features_of_array, features_of_file, frames_of_array, frames_of_file},
        scripts_table,
        session::Session,
        wording::Wording,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("MIN_SAMPLE_RATE", SAMPLE_RATES.start())?;
        module.add("MAX_SAMPLE_RATE", SAMPLE_RATES.end())?;
        module.add("SAMPLE_RATE", callprint::audio::SAMPLE_RATE)?;
        module.add("CODE_HOP", callprint::fingerprint::CODE_HOP)?;
        module.add("FINGERPRINT", format!("{:016x}", callprint::index::configuration()))?;
        module.add("SPEEDS", callprint::fingerprint::SPEEDS)?;
        module.add("SIMD", callprint::simd_level().name())?;
        module.add("FEATURE_SET", callprint::prosody::FEATURE_SET)
    }
}

/// The corpus's table of scripts: tab-separated text with a header line.
#[pyfunction]
fn scripts_table() -> &'static str {
    callprint_corpus::SCRIPTS_TSV
}
