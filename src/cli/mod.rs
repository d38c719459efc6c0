//! The words of the operator: commands, their arguments and their exit codes (0 fine, 1 failed or
//! not as it should be, 2 a bad command line or configuration).

mod check;
mod demo;
mod explain;
mod reload;
mod run;
mod shield;
mod upgrade;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything went well.
const FINE: u8 = 0;

/// Something failed.
const FAILED: u8 = 1;

/// The command line or the configuration is wrong.
const BAD: u8 = 2;

/// The regional gateway of Onetime Secret.
#[derive(Debug, Parser)]
#[command(name = "onetime-gateway", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop: SIGTERM or SIGINT drains, SIGHUP reloads, SIGUSR1 reopens the access log,
    /// SIGUSR2 starts a successor that takes over
    Run(run::Arguments),
    /// Check a configuration as a reload would: first its text, and once that is right the files that it names
    Check(check::Arguments),
    /// Say which region a request would go to, by which rule, and why not by the others
    Explain(explain::Arguments),
    /// Five regions and a gateway before them on this machine, without any file
    Demo(demo::Arguments),
    /// Ask a running gateway to reload, and print its verdict
    Reload(reload::Arguments),
}

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let code = match Cli::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Reload(arguments) => reload::reload(&arguments),
    };
    crate::telemetry::log::flush();
    ExitCode::from(code)
}

/// Prints a line for people. The one place that may.
fn say(line: impl std::fmt::Display) {
    use std::io::Write;
    // A reader that has gone (`| head`) is no reason to panic.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line about something that went wrong, after what the log says.
fn complain(line: impl std::fmt::Display) {
    use std::io::Write;
    crate::telemetry::log::flush();
    let _ = writeln!(std::io::stderr(), "{line}");
}
