//! Hangs the slice arithmetic of [`crate::ops`] into burn's autodiff graph on the CPU.
//!
//! Every tensor of the trainer is a matrix `rows x columns` (see [`crate::graph`]), so one node
//! type serves all operations: it keeps a closure that turns the gradient of the output into the
//! gradients of the inputs. The closure runs once and owns what it captured: activations are freed,
//! or overwritten with gradients, while the pass walks back through them. On any other device than burn's `flex` CPU backend the caller falls back
//! to composed tensor operations ([`crate::composed`]).

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Bytes, DType, Shape, Tensor};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn_flex::{FlexTensor, Layout};

use crate::ops::buffers;

/// A tensor's values on the host, shared, not copied.
#[derive(Clone)]
pub struct HostMatrix(FlexTensor);

impl HostMatrix {
    /// The values, row-major.
    pub fn values(&self) -> &[f32] {
        let len = self.0.layout().num_elements();
        &self.0.storage::<f32>()[self.0.layout().start_offset()..][..len]
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.0.layout().shape()[0]
    }

    /// A matrix of `rows x columns` values.
    pub fn from_values(values: Vec<f32>, [rows, columns]: [usize; 2]) -> Self {
        let layout = Layout::contiguous(Shape::new([rows, columns]));
        Self(FlexTensor::new(Bytes::from_elems(values), layout, DType::F32))
    }

    /// The values as a vector of its own: moved where nobody else holds them, else copied.
    pub fn into_values(self) -> Vec<f32> {
        self.0.into_data().try_into_vec().expect("the trainer's tensors are f32")
    }

    /// Hands the buffer on to the next operations, if nobody else holds it.
    pub fn recycle(self) {
        if self.0.is_unique() {
            buffers::keep(self.into_values());
        }
    }

    fn new(tensor: FlexTensor) -> Self {
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }
}

impl Deref for HostMatrix {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.values()
    }
}

/// What a pullback is given: the gradient of the output, and which inputs take a gradient.
pub struct Pull<const N: usize> {
    /// Gradient of the output.
    pub gradient: HostMatrix,
    /// Does input `i` take a gradient?
    pub wanted: [bool; N],
}

type Pullback<const N: usize> = dyn FnOnce(Pull<N>) -> [Option<Vec<f32>>; N] + Send;

/// Does `tensor` live on the CPU backend whose memory the host operations read?
pub fn on_host(tensor: &Tensor<2>) -> bool {
    if tensor.is_autodiff() {
        tensor.clone().try_into_primitive::<Autodiff<Flex>>().is_ok()
    } else {
        tensor.clone().try_into_primitive::<Flex>().is_ok()
    }
}

/// The values of a matrix that lives on the host (see [`on_host`]).
pub fn read(tensor: &Tensor<2>) -> HostMatrix {
    let primitive = if tensor.is_autodiff() {
        tensor.clone().try_into_primitive::<Autodiff<Flex>>().map(|t| t.into_primitive())
    } else {
        tensor.clone().try_into_primitive::<Flex>()
    };
    HostMatrix::new(primitive.expect("callers check on_host"))
}

/// A host matrix as a tensor that takes no gradient.
pub fn constant(values: Vec<f32>, rows: usize, columns: usize) -> Tensor<2> {
    Tensor::from_primitive::<Flex>(HostMatrix::from_values(values, [rows, columns]).0)
}

/// An input of an operation: its place in the graph without its values.
#[derive(Debug)]
pub struct Input {
    guard: Option<NodeGuard>,
    shape: [usize; 2],
}

impl Input {
    /// Stands where an operation has no such input.
    pub fn absent() -> Self {
        Self { guard: None, shape: [1, 1] }
    }
}

impl From<&Tensor<2>> for Input {
    fn from(tensor: &Tensor<2>) -> Self {
        let guard = tensor.is_autodiff().then(|| guard(tensor.clone()));
        Self { guard, shape: tensor.dims() }
    }
}

fn guard(tensor: Tensor<2>) -> NodeGuard {
    tensor.try_into_primitive::<Autodiff<Flex>>().expect("callers check on_host").node()
}

/// Takes a matrix that lives on the host apart, so that its values can be overwritten.
pub fn take(tensor: Tensor<2>) -> (HostMatrix, Input) {
    let input = Input::from(&tensor);
    let values = read(&tensor);
    drop(tensor); // now `values` may be the only holder
    (values, input)
}

/// Registers `output` (`rows x columns`), computed from `inputs`, with its pullback.
///
/// All inputs are on the host; where none is tracked the result is a plain tensor.
pub fn record<const N: usize>(
    inputs: [&Tensor<2>; N],
    output: Vec<f32>,
    shape: [usize; 2],
    pullback: impl FnOnce(Pull<N>) -> [Option<Vec<f32>>; N] + Send + 'static,
) -> Tensor<2> {
    record_matrix(inputs.map(Input::from), HostMatrix::from_values(output, shape), pullback)
}

/// [`record`] for inputs whose values are gone, and for pullbacks that hold a share of the output.
pub fn record_matrix<const N: usize>(
    inputs: [Input; N],
    output: HostMatrix,
    pullback: impl FnOnce(Pull<N>) -> [Option<Vec<f32>>; N] + Send + 'static,
) -> Tensor<2> {
    if !inputs.iter().any(|input| input.guard.is_some()) {
        return Tensor::from_primitive::<Flex>(output.0);
    }
    let shapes = inputs.each_ref().map(|input| input.shape);
    // Every parent needs a node, also one that takes no gradient.
    let untracked = || guard(constant(vec![0.0], 1, 1).autodiff());
    let guards = inputs.map(|input| input.guard.unwrap_or_else(untracked));
    let pullback: Box<Pullback<N>> = Box::new(pullback);
    let state = State { pullback: Arc::new(Mutex::new(Some(pullback))), shapes };
    let prepared = HostOp.prepare::<NoCheckpointing>(guards).compute_bound().stateful();
    Tensor::from_primitive::<Autodiff<Flex>>(match prepared {
        OpsKind::Tracked(op) => op.finish(state, output.0),
        OpsKind::UnTracked(op) => op.finish(output.0),
    })
}

#[derive(Debug)]
struct HostOp;

/// Shared because the graph asks for states that can be cloned; only one of them ever runs.
#[derive(Clone)]
struct State<const N: usize> {
    pullback: Arc<Mutex<Option<Box<Pullback<N>>>>>,
    shapes: [[usize; 2]; N],
}

impl<const N: usize> State<N> {
    fn take(&self) -> Box<Pullback<N>> {
        let mut pullback = self.pullback.lock().unwrap_or_else(PoisonError::into_inner);
        pullback.take().expect("a graph is walked back once")
    }
}

impl<const N: usize> fmt::Debug for State<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("shapes", &self.shapes).finish_non_exhaustive()
    }
}

impl<const N: usize> Backward<Flex, N> for HostOp {
    type State = State<N>;

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let pull = Pull {
            gradient: HostMatrix::new(grads.consume::<Flex>(&ops.node)),
            wanted: ops.parents.each_ref().map(Option::is_some),
        };
        let inputs = ops.state.take()(pull);
        for ((parent, gradient), shape) in ops.parents.into_iter().zip(inputs).zip(ops.state.shapes)
        {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(node.id, HostMatrix::from_values(gradient, shape).0);
            }
        }
    }
}
