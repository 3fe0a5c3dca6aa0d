//! The command `zonectl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    zoned::cli::main()
}
