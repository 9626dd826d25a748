//! Work on many items by a few threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// `work` over all `items` on `jobs` threads, in the order of the items.
///
/// # Errors
/// The first error of any thread; the others may have continued.
pub fn parallel<T: Sync, R: Send, E: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let run = || -> Result<Vec<(usize, R)>, E> {
        let mut done = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            done.push((index, work(item)?));
        }
        Ok(done)
    };
    let shares: Vec<Result<Vec<(usize, R)>, E>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Vec::new();
    for share in shares {
        all.extend(share?);
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for (count, jobs) in [(0, 2), (1, 4), (9, 1), (50, 3), (7, 0)] {
            let items: Vec<usize> = (0..count).collect();
            let squares: Result<Vec<usize>, ()> = parallel(&items, jobs, |&n| Ok(n * n));
            assert_eq!(squares.unwrap(), items.iter().map(|n| n * n).collect::<Vec<_>>());
            let failed = parallel(&items, jobs, |&n| if n == 5 { Err(n) } else { Ok(()) });
            assert_eq!(failed.is_err(), count > 5, "{count} on {jobs}");
        }
    }
}
