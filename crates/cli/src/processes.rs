//! Several processes of one training, begun by `mpirun`.

use std::cell::Cell;

use anyhow::{Result, bail};
use mpi::environment::Universe;
use mpi::point_to_point::send_receive_into;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Equivalence};
use stonechat_train::{Link, PIECES};

/// What Open MPI, and what MPICH and Slurm, tell a process that they begin.
const BEGUN: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"];

/// The processes of this training.
pub struct Processes {
    world: SimpleCommunicator,
    sent: Cell<u64>,
    /// MPI ends with it.
    _universe: Universe,
}

impl Processes {
    /// All of them, if this process is one of several.
    ///
    /// # Errors
    /// Their number is no power of two up to [`PIECES`].
    pub fn begun() -> Result<Option<Self>> {
        if BEGUN.iter().all(|name| std::env::var_os(name).is_none()) {
            return Ok(None);
        }
        let Some((universe, _)) = mpi::initialize_with_threading(mpi::Threading::Funneled) else {
            bail!("MPI is there already");
        };
        let world = universe.world();
        let size = world.size() as usize;
        if !size.is_power_of_two() || size > PIECES {
            bail!("{size} processes cannot share a batch: begin 1, 2, 4 or {PIECES}");
        }
        Ok(Some(Self { world, sent: Cell::new(0), _universe: universe }))
    }

    /// Bytes that this process has sent.
    pub fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Ends all processes: without this one they cannot go on.
    pub fn abort(&self, status: i32) -> ! {
        self.world.abort(status)
    }

    fn swap<T: Equivalence>(&self, partner: usize, mine: &[T], theirs: &mut [T]) {
        let other = self.world.process_at_rank(partner as i32);
        send_receive_into(mine, &other, theirs, &other);
        self.sent.set(self.sent.get() + std::mem::size_of_val(mine) as u64);
    }
}

impl Link for Processes {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }
    fn size(&self) -> usize {
        self.world.size() as usize
    }
    fn swap_f32(&self, partner: usize, mine: &[f32], theirs: &mut [f32]) {
        self.swap(partner, mine, theirs);
    }
    fn swap_f64(&self, partner: usize, mine: &[f64], theirs: &mut [f64]) {
        self.swap(partner, mine, theirs);
    }
}
