//! Reads ahead: while one batch of a long input is looked at, another thread fills the next.

use std::io;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::thread;

/// How many batches there are: one is looked at, one is filled, one waits.
const BATCHES: usize = 3;

/// Fills batches and passes each on to `look`, in order, until `fill` returns `false` or fails, or `look` breaks.
///
/// `fill` gets a new batch, or one that was looked at. If it fails, what it had filled is passed on before the error is
/// returned. The first batch is filled by this thread, so a short input needs no other.
pub(super) fn read_ahead<B: Default + Send, E: From<io::Error> + Send>(
    mut fill: impl FnMut(&mut B) -> Result<bool, E> + Send,
    mut look: impl FnMut(&B) -> ControlFlow<()>,
) -> Result<(), E> {
    let mut first = B::default();
    let more = fill(&mut first);
    if look(&first).is_break() || !more? {
        return Ok(());
    }
    thread::scope(|scope| {
        let ((spent, to_fill), (ready, filled)) = (channel(), channel());
        let fill = move || {
            for mut batch in to_fill {
                let more = fill(&mut batch);
                if ready.send(batch).is_err() || !more? {
                    break;
                }
            }
            Ok(())
        };
        let filling = thread::Builder::new().name("read ahead".to_owned()).spawn_scoped(scope, fill)?;
        // The other thread stops when it gets no more batches. If that is because it has ended, its result says why.
        let give = |batch| drop(spent.send(batch));
        (1..BATCHES).for_each(|_| give(B::default()));
        give(first);
        let has_broken = loop {
            let Ok(batch) = filled.recv() else { break false };
            if look(&batch).is_break() {
                break true;
            }
            give(batch);
        };
        drop(spent);
        let ended = filling.join().unwrap_or_else(|panic| resume_unwind(panic));
        if has_broken { Ok(()) } else { ended }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in batches of three, up to what happens at one of them; returns those that were passed on.
    fn numbers(mut at: impl FnMut(u32) -> io::Result<bool> + Send, until: u32) -> (Vec<u32>, Result<(), String>) {
        let (mut next, mut seen) = (0, Vec::new());
        let fill = |batch: &mut Vec<u32>| {
            batch.clear();
            while batch.len() < 3 {
                if !at(next)? {
                    return Ok(false);
                }
                batch.push(next);
                next += 1;
            }
            Ok::<_, io::Error>(true)
        };
        let look = |batch: &Vec<u32>| {
            batch.iter().try_for_each(|number| {
                seen.push(*number);
                if *number == until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        };
        let ended = read_ahead(fill, look).map_err(|error| error.to_string());
        (seen, ended)
    }

    #[test]
    fn everything_before_the_end_an_error_or_a_break_is_passed_on_once_and_in_order() {
        for end in [0, 1, 2, 3, 4, 299, 300] {
            assert_eq!(numbers(|at| Ok(at < end), u32::MAX), ((0..end).collect(), Ok(())));
            let fails = |at| if at < end { Ok(true) } else { Err(io::Error::other("torn")) };
            assert_eq!(numbers(fails, u32::MAX), ((0..end).collect(), Err("torn".to_owned())));
            assert_eq!(numbers(|_| Ok(true), end), ((0..=end).collect(), Ok(())));
            // An error behind the break doesn't matter, as if nothing had been read ahead.
            let fails = |at| if at <= end { Ok(true) } else { Err(io::Error::other("torn")) };
            assert_eq!(numbers(fails, end), ((0..=end).collect(), Ok(())));
        }
    }

    #[test]
    fn a_panic_of_the_other_thread_is_one_here() {
        let panicked = std::panic::catch_unwind(|| {
            numbers(|at| if at < 100 { Ok(true) } else { std::panic::panic_any("a fault") }, u32::MAX)
        });
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"a fault"));
    }
}
