//! The `mqtt-twin` command: the arguments in, the exit code out.

use std::process::ExitCode;

use mqtt_twin::cli::{self, ChartOptions, Finished, Laboratory, Options};
use mqtt_twin::scenario::{Diagnostic, Loaded};

/// Stands where the simulator will be: scenarios can be checked, not yet run.
struct NotWired;

impl Laboratory for NotWired {
    fn run(&self, _: &Loaded, _: &Options) -> Result<Finished, Diagnostic> {
        Err(Diagnostic::error("this build checks scenarios but cannot run them"))
    }

    fn chart(&self, _: &Loaded, _: &ChartOptions) -> Result<(), Diagnostic> {
        Err(Diagnostic::error("this build checks scenarios but cannot draw them"))
    }
}

fn main() -> ExitCode {
    cli::main(std::env::args_os(), &NotWired)
}
