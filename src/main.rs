//! The program: arguments in, window or command line out. No logic lives here.

fn main() {}
