//! Binary sub-fingerprints.
