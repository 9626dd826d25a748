//! Ctrl-C and termination signals: work is finished or saved where possible.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// Bytes asked of stdin at a time. A pipe gives what it has, so this delays nothing.
const PIECE_BYTES: usize = 32 << 10;
/// Pieces that may wait: all of them are heard after Ctrl-C.
const PIECES: usize = 4;
/// As a shell has it for a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Whether the program was asked to end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Whether the program was asked to end since [`catch`].
#[cfg_attr(not(any(feature = "full", feature = "microphone")), allow(dead_code))]
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// From now on the first Ctrl-C or SIGTERM only asks, by [`asked`] and by `tell`; the second ends the program. Hang-ups are
/// ignored, so that `nohup` works.
#[cfg(unix)]
pub fn catch(tell: impl Fn() + Send + 'static) -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])
        .context("Ctrl-C cannot be caught")?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            match ASKED.swap(true, Ordering::Relaxed) {
                false => tell(),
                true => std::process::exit(INTERRUPTED),
            }
        }
    });
    Ok(())
}

/// Other systems end the program at once.
#[cfg(not(unix))]
pub fn catch(_: impl Fn() + Send + 'static) -> Result<()> {
    Ok(())
}

/// What stdin gives until it ends or the program is asked to end.
pub fn stdin() -> Result<impl Read + Send + Sync> {
    let (sender, pieces) = sync_channel(PIECES);
    let end = sender.clone();
    // No thread waits for this once the audio has ended.
    catch(move || drop(end.send(Ok(Vec::new()))))?;
    // A read that waits for a microphone cannot be interrupted, and it need not be.
    std::thread::spawn(move || {
        let mut stdin = io::stdin();
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = match stdin.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read,
            };
            let last = !matches!(read, Ok(1..));
            let read = read.map(|count| {
                piece.truncate(count);
                piece
            });
            if sender.send(read).is_err() || last {
                return;
            }
        }
    });
    Ok(Pieces { pieces: Mutex::new(pieces), piece: Vec::new(), taken: 0, ended: false })
}

/// Pieces of bytes from another thread; an empty one is the end.
struct Pieces {
    /// Never shared: the lock makes the whole `Sync`, which readers of audio files ask for.
    pieces: Mutex<Receiver<io::Result<Vec<u8>>>>,
    piece: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() && !self.ended {
            // The thread sends an empty piece before it goes.
            let pieces = self.pieces.get_mut().unwrap_or_else(PoisonError::into_inner);
            self.piece = pieces.recv().unwrap_or_else(|_| Ok(Vec::new()))?;
            self.taken = 0;
            self.ended = self.piece.is_empty();
        }
        let left = &self.piece[self.taken..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_up_to_the_empty_one() {
        let (sender, pieces) = sync_channel(8);
        for piece in [&b"abc"[..], b"de", b"", b"never"] {
            sender.send(Ok(piece.to_vec())).unwrap();
        }
        let mut reader =
            Pieces { pieces: Mutex::new(pieces), piece: Vec::new(), taken: 0, ended: false };
        let (mut buffer, mut all) = ([0; 2], Vec::new());
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
        assert_eq!(all, b"abcde");
        assert_eq!(reader.read(&mut buffer).unwrap(), 0, "an end stays one");
    }
}
