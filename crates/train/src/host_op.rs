//! Hangs the slice arithmetic of [`crate::ops`] into burn's autodiff graph on the CPU.
//!
//! Every tensor of the trainer is a matrix `rows x columns` (see [`crate::network`]), so one node
//! type serves all operations: it keeps a closure that turns the gradient of the output into the
//! gradients of the inputs. On any other device than burn's `flex` CPU backend the caller falls back
//! to composed tensor operations ([`crate::composed`]).

use std::fmt;
use std::sync::Arc;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Bytes, DType, Shape, Tensor};
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::{FlexTensor, Layout};

/// A tensor's values on the host, shared, not copied.
#[derive(Clone)]
pub struct HostMatrix(FlexTensor);

impl HostMatrix {
    /// The values, row-major.
    pub fn values(&self) -> &[f32] {
        let len = self.0.layout().num_elements();
        &self.0.storage::<f32>()[self.0.layout().start_offset()..][..len]
    }

    fn new(tensor: FlexTensor) -> Self {
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }
}

/// What a pullback is given: the gradient of the output, the output itself, and which inputs take a
/// gradient.
#[derive(Clone, Copy, Debug)]
pub struct Pull<'a, const N: usize> {
    /// Gradient of the output.
    pub gradient: &'a [f32],
    /// The output of the forward pass.
    pub output: &'a [f32],
    /// Does input `i` take a gradient?
    pub wanted: [bool; N],
}

type Pullback<const N: usize> = dyn Fn(Pull<'_, N>) -> [Option<Vec<f32>>; N] + Send + Sync;

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
    Tensor::from_primitive::<Flex>(flex(values, rows, columns))
}

fn flex(values: Vec<f32>, rows: usize, columns: usize) -> FlexTensor {
    let layout = Layout::contiguous(Shape::new([rows, columns]));
    FlexTensor::new(Bytes::from_elems(values), layout, DType::F32)
}

/// Registers `output` (`rows x columns`), computed from `inputs`, with its pullback.
///
/// All inputs are on the host; where none is tracked the result is a plain tensor.
pub fn record<const N: usize>(
    inputs: [&Tensor<2>; N],
    output: Vec<f32>,
    [rows, columns]: [usize; 2],
    pullback: impl Fn(Pull<'_, N>) -> [Option<Vec<f32>>; N] + Send + Sync + 'static,
) -> Tensor<2> {
    if !inputs.iter().any(|t| t.is_autodiff()) {
        return constant(output, rows, columns);
    }
    let shapes = inputs.map(|t| t.dims());
    let tracked = inputs.map(|t| {
        let t = if t.is_autodiff() { t.clone() } else { t.clone().autodiff() };
        t.try_into_primitive::<Autodiff<Flex>>().expect("callers check on_host")
    });
    let guards = tracked.each_ref().map(|t| t.node());
    let output = flex(output, rows, columns);
    let state =
        State { pullback: Arc::new(pullback), output: HostMatrix(output.clone()), shapes };
    let prepared = HostOp.prepare::<NoCheckpointing>(guards).compute_bound().stateful();
    Tensor::from_primitive::<Autodiff<Flex>>(match prepared {
        OpsKind::Tracked(op) => op.finish(state, output),
        OpsKind::UnTracked(op) => op.finish(output),
    })
}

#[derive(Debug)]
struct HostOp;

#[derive(Clone)]
struct State<const N: usize> {
    pullback: Arc<Pullback<N>>,
    output: HostMatrix,
    shapes: [[usize; 2]; N],
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
        let gradient = HostMatrix::new(grads.consume::<Flex>(&ops.node));
        let inputs = (ops.state.pullback)(Pull {
            gradient: gradient.values(),
            output: ops.state.output.values(),
            wanted: ops.parents.each_ref().map(Option::is_some),
        });
        for ((parent, gradient), [rows, columns]) in
            ops.parents.into_iter().zip(inputs).zip(ops.state.shapes)
        {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(node.id, flex(gradient, rows, columns));
            }
        }
    }
}
