//! The daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    zoned::daemon::entry::main()
}
