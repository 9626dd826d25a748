//! One batch in pieces, shared by several processes.
//!
//! A batch is always divided into [`PIECES`] pieces. What all of them need (statistics of a batch
//! norm, gradients) is joined along a binary tree whose leaves are the pieces:
//!
//! ```text
//!            +                 process 0 of 2 has the left half, process 1 the right half;
//!        +       +             of 4, each has a pair, of 8, each has one
//!      +   +   +   +
//!     0 1 2 3 4 5 6 7
//! ```
//!
//! The pieces of a process are whole branches of that tree. It joins these alone, then level by
//! level with a partner; both compute the same sum, left before right. So every process ends with
//! the same bits, which do not depend on the number of processes.
//!
//! The pieces of a process are threads that meet at each sum, because a layer's statistics need all
//! pieces. Only the thread that started them communicates with other processes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Pieces of a batch, and the most processes that can share one.
pub const PIECES: usize = 8;

/// The connection from a process to the others of a training. The number of processes is a power of
/// two, at most [`PIECES`].
///
/// A failure of the connection ends the process, because the others cannot continue either.
pub trait Link {
    /// The number of this process, from 0.
    fn rank(&self) -> usize;
    /// The number of processes.
    fn size(&self) -> usize;
    /// Exchanges equally many numbers with a partner.
    fn swap_f32(&self, partner: usize, mine: &[f32], theirs: &mut [f32]);
    /// Exchanges equally many numbers with a partner.
    fn swap_f64(&self, partner: usize, mine: &[f64], theirs: &mut [f64]);
}

/// Values to join.
#[derive(Clone, Debug, PartialEq)]
pub enum Terms {
    /// Sums of gradients.
    Gradients(Vec<f32>),
    /// Sums of anything else.
    Sums(Vec<f64>),
    /// For each channel a count, the mean, and the sum of squares around it.
    Moments(Vec<f64>),
}

impl Terms {
    /// Adds the terms on the right.
    fn join(&mut self, right: &Self) {
        match (self, right) {
            (Self::Gradients(left), Self::Gradients(right)) => {
                left.iter_mut().zip(right).for_each(|(l, r)| *l += r);
            }
            (Self::Sums(left), Self::Sums(right)) => {
                left.iter_mut().zip(right).for_each(|(l, r)| *l += r);
            }
            (Self::Moments(left), Self::Moments(right)) => join_moments(left, right),
            // All pieces take the same path.
            _ => debug_assert!(false, "pieces join different things"),
        }
    }

    /// The partner's terms for the same place.
    fn swapped(&self, link: &dyn Link, partner: usize) -> Self {
        match self {
            Self::Gradients(mine) => {
                let mut theirs = vec![0.0; mine.len()];
                link.swap_f32(partner, mine, &mut theirs);
                Self::Gradients(theirs)
            }
            Self::Sums(mine) | Self::Moments(mine) => {
                let mut theirs = vec![0.0; mine.len()];
                link.swap_f64(partner, mine, &mut theirs);
                match self {
                    Self::Sums(_) => Self::Sums(theirs),
                    _ => Self::Moments(theirs),
                }
            }
        }
    }

    /// Gradients.
    pub fn gradients(self) -> Vec<f32> {
        match self {
            Self::Gradients(values) => values,
            Self::Sums(values) | Self::Moments(values) => {
                values.into_iter().map(|value| value as f32).collect()
            }
        }
    }

    /// Sums, or moments.
    pub fn numbers(self) -> Vec<f64> {
        match self {
            Self::Sums(values) | Self::Moments(values) => values,
            Self::Gradients(values) => values.into_iter().map(f64::from).collect(),
        }
    }
}

/// Chan, Golub and LeVeque (1979).
fn join_moments(left: &mut [f64], right: &[f64]) {
    let (count, other) = (left[0], right[0]);
    if other == 0.0 {
        return;
    }
    let total = count + other;
    let channels = (left.len() - 1) / 2;
    for c in 1..=channels {
        let apart = right[c] - left[c];
        left[c] += apart * other / total;
        left[channels + c] += right[channels + c] + apart * apart * count * other / total;
    }
    left[0] = total;
}

/// Joins this process's terms with those of the other processes.
pub fn join_across(link: &dyn Link, mut terms: Terms) -> Terms {
    let mut level = 1;
    while level < link.size() {
        let theirs = terms.swapped(link, link.rank() ^ level);
        if link.rank() & level == 0 {
            terms.join(&theirs);
        } else {
            let mine = std::mem::replace(&mut terms, theirs);
            terms.join(&mine);
        }
        level *= 2;
    }
    terms
}

/// Joins neighbours until one is left.
fn join_up(mut terms: Vec<Terms>) -> Option<Terms> {
    while terms.len() > 1 {
        let mut pairs = terms.into_iter();
        let mut joined = Vec::new();
        while let Some(mut left) = pairs.next() {
            if let Some(right) = pairs.next() {
                left.join(&right);
            }
            joined.push(left);
        }
        terms = joined;
    }
    terms.pop()
}

/// A piece at work, with the place where it meets the others.
#[derive(Clone)]
pub struct Piece {
    /// Its number among all pieces of the batch.
    pub number: usize,
    place: usize,
    meeting: Arc<Meeting>,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Piece").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Piece {
    /// The joined terms of all pieces of the batch. Every piece must call this, in the same order.
    pub fn join(&self, terms: Terms) -> Terms {
        self.meeting.join(self.place, terms)
    }
}

/// Where the pieces of a process meet.
#[derive(Default)]
struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The terms of the pieces, by their places.
    brought: Vec<Option<Terms>>,
    /// The sum, and how many have still to take it.
    joined: Option<(Terms, usize)>,
    /// Pieces that are done, successfully or not.
    ended: usize,
    /// Set when a piece has failed, so that the others end, too.
    broken: bool,
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, place: usize, terms: Terms) -> Terms {
        let mut state = self.lock();
        state.brought[place] = Some(terms);
        self.changed.notify_all();
        loop {
            assert!(!state.broken, "another piece of the batch failed");
            // Its own place is empty again once the sum is computed.
            if state.brought[place].is_none()
                && let Some((sum, left)) = &mut state.joined
            {
                *left -= 1;
                let (sum, done) = (sum.clone(), *left == 0);
                if done {
                    state.joined = None;
                    self.changed.notify_all();
                }
                return sum;
            }
            state = self.wait(state);
        }
    }

    /// Computes the sums until all `pieces` are done.
    fn lead(&self, pieces: usize, link: &dyn Link) {
        let mut state = self.lock();
        while state.ended < pieces {
            if state.joined.is_none() && state.brought.iter().all(Option::is_some) {
                let terms = state.brought.iter_mut().filter_map(Option::take).collect();
                drop(state);
                let sum = join_up(terms).map(|terms| join_across(link, terms));
                state = self.lock();
                state.joined = sum.map(|sum| (sum, pieces));
                self.changed.notify_all();
            } else if state.ended > 0 && state.brought.iter().any(Option::is_some) {
                state.broken = true;
                self.changed.notify_all();
                state = self.wait(state);
            } else {
                state = self.wait(state);
            }
        }
    }

    fn end(&self) {
        self.lock().ended += 1;
        self.changed.notify_all();
    }
}

/// The pieces of this process: a range of neighbours.
pub fn pieces_of(link: &dyn Link) -> std::ops::Range<usize> {
    let each = PIECES / link.size();
    link.rank() * each..(link.rank() + 1) * each
}

/// Works on all pieces of this process at once, and returns the results.
///
/// # Panics
/// If `work` does.
pub fn together<I: Send, O: Send>(
    link: &dyn Link,
    inputs: Vec<I>,
    work: impl Fn(&Piece, I) -> O + Sync,
) -> Vec<O> {
    let count = inputs.len();
    let meeting = Arc::new(Meeting::default());
    meeting.lock().brought = vec![None; count];
    let (first, work) = (pieces_of(link).start, &work);
    let results: Vec<thread::Result<O>> = thread::scope(|scope| {
        let started: Vec<_> = inputs
            .into_iter()
            .enumerate()
            .map(|(place, input)| {
                let piece = Piece { number: first + place, place, meeting: Arc::clone(&meeting) };
                scope.spawn(move || {
                    let result = catch_unwind(AssertUnwindSafe(|| work(&piece, input)));
                    piece.meeting.end();
                    result
                })
            })
            .collect();
        meeting.lead(count, link);
        started.into_iter().map(|piece| piece.join().and_then(|result| result)).collect()
    });
    results.into_iter().map(|result| result.unwrap_or_else(|panic| resume_unwind(panic))).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Numbers of both kinds, as exchanged between threads.
    type Numbers = Vec<f64>;

    /// Processes that are threads.
    pub struct Threads {
        rank: usize,
        out: Vec<Sender<Numbers>>,
        into: Vec<Receiver<Numbers>>,
    }

    impl Threads {
        /// A number of ends, each for its own thread.
        pub fn new(size: usize) -> Vec<Self> {
            let mut ends: Vec<Self> =
                (0..size).map(|rank| Self { rank, out: Vec::new(), into: Vec::new() }).collect();
            for from in 0..size {
                for to in 0..size {
                    let (sender, receiver) = channel();
                    ends[from].out.push(sender);
                    ends[to].into.push(receiver);
                }
            }
            ends
        }
    }

    impl Link for Threads {
        fn rank(&self) -> usize {
            self.rank
        }
        fn size(&self) -> usize {
            self.out.len()
        }
        fn swap_f32(&self, partner: usize, mine: &[f32], theirs: &mut [f32]) {
            self.out[partner].send(mine.iter().map(|&x| f64::from(x)).collect()).unwrap();
            let got = self.into[partner].recv().unwrap();
            theirs.iter_mut().zip(got).for_each(|(t, g)| *t = g as f32);
        }
        fn swap_f64(&self, partner: usize, mine: &[f64], theirs: &mut [f64]) {
            self.out[partner].send(mine.to_vec()).unwrap();
            theirs.copy_from_slice(&self.into[partner].recv().unwrap());
        }
    }

    #[test]
    fn sums_do_not_depend_on_the_number_of_processes() {
        let value = |piece: usize, i: usize| 1.0 / (1.0 + (piece * 31 + i * 7) as f32).powi(3);
        // Every third piece is empty.
        let moments = |piece: usize| match piece % 3 {
            0 => vec![0.0; 3],
            count => vec![count as f64, 0.1 * piece as f64, 1.5],
        };
        let run = |size: usize| -> Vec<(Terms, Terms)> {
            thread::scope(|scope| {
                let ends = Threads::new(size).into_iter().map(|link| {
                    scope.spawn(move || {
                        let pieces = pieces_of(&link).collect();
                        together(&link, pieces, |piece, number: usize| {
                            assert_eq!(piece.number, number);
                            let gradients = (0..5).map(|i| value(number, i)).collect();
                            let sum = piece.join(Terms::Gradients(gradients));
                            (sum, piece.join(Terms::Moments(moments(number))))
                        })
                    })
                });
                let ends: Vec<_> = ends.collect();
                ends.into_iter().flat_map(|end| end.join().unwrap()).collect()
            })
        };
        let one = run(1);
        assert_eq!(one.len(), PIECES);
        assert!(one.iter().all(|piece| *piece == one[0]));
        for size in [2, 4, 8] {
            assert_eq!(run(size), one, "{size} processes");
        }
        // The same by plain formulas, in any order.
        let Terms::Gradients(sum) = &one[0].0 else { panic!("{one:?}") };
        for (i, sum) in sum.iter().enumerate() {
            let expected: f64 = (0..PIECES).map(|piece| f64::from(value(piece, i))).sum();
            assert!((f64::from(*sum) - expected).abs() < 1e-6, "{i}: {sum} {expected}");
        }
        let Terms::Moments(joined) = &one[0].1 else { panic!("{one:?}") };
        let count: f64 = (0..PIECES).map(|piece| moments(piece)[0]).sum();
        let mean = (0..PIECES).map(|p| moments(p)[0] * moments(p)[1]).sum::<f64>() / count;
        let squares: f64 =
            (0..PIECES).map(moments).map(|m| m[2] + m[0] * (m[1] - mean).powi(2)).sum();
        for (found, expected) in joined.iter().zip([count, mean, squares]) {
            assert!((found - expected).abs() < 1e-9, "{joined:?} {expected}");
        }
    }

    #[test]
    fn a_piece_that_fails_ends_the_others() {
        let link = Threads::new(1).remove(0);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            together(&link, (0..PIECES).collect(), |piece, number| {
                assert!(number != 3, "piece 3 fails");
                piece.join(Terms::Sums(vec![1.0]))
            })
        }));
        assert!(failed.is_err());
    }
}
