//! The program. `pitlane::cli` does all the work.

fn main() -> std::process::ExitCode {
    pitlane::cli::run()
}
