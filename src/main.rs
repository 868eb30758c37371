//! The program. Everything it does stands in the library's `cli` room.

fn main() -> std::process::ExitCode {
    pitlane::cli::run()
}
