//! The `mqtt-twin` command: the arguments in, the exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    mqtt_twin::cli::main(std::env::args_os())
}
