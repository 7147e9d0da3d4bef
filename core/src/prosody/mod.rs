//! Prosody of the telephone band.
