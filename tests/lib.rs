//! The workspace's tests live in `main.rs` and its modules; this crate has no code of its own.
