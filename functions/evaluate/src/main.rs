//! The Lambda function `evaluate`.

fn main() {}
