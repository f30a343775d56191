//! The Lambda function `tick`.

fn main() {}
