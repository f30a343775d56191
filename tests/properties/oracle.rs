//! The pointwise part of the language against an implementation of CEL that others wrote.
