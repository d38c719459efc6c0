//! Calls the command line and returns its exit code.

fn main() -> std::process::ExitCode {
    onetime_gateway::cli::main()
}
