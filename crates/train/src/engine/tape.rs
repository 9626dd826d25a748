//! Reverse-mode differentiation of matrices: a list of operations that is walked back once.
//!
//! Every tensor of the trainer is a matrix `rows x columns`. An operation computes its output over
//! slices (see [`crate::engine::ops`]) and [`record`]s it with a pullback, a closure from the
//! gradient of the output to those of the inputs. The closure runs once and owns what it captured:
//! activations are freed, or overwritten with gradients, during the backward pass.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::engine::ops::buffers;

/// Values that several tensors and pullbacks may share.
#[derive(Clone)]
pub struct Values(Rc<Vec<f32>>);

impl Values {
    /// The values as an owned vector: moved if this is the only owner, otherwise copied.
    pub fn into_vec(self) -> Vec<f32> {
        Rc::unwrap_or_clone(self.0)
    }

    /// Gives the buffer to later operations if this is the only owner.
    pub fn recycle(self) {
        if let Some(buffer) = Rc::into_inner(self.0) {
            buffers::keep(buffer);
        }
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        Self(Rc::new(values))
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

/// A row-major matrix in the forward pass of a net.
#[derive(Clone)]
pub struct Tensor {
    values: Values,
    shape: [usize; 2],
    place: Input,
}

impl Tensor {
    /// A matrix that takes no gradient.
    pub fn constant(values: impl Into<Values>, shape: [usize; 2]) -> Self {
        Self { values: values.into(), shape, place: Input(None) }
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The values, shared.
    pub fn share(&self) -> Values {
        self.values.clone()
    }

    /// The values as a vector: moved if this is the only owner, otherwise copied.
    pub fn into_vec(self) -> Vec<f32> {
        self.values.into_vec()
    }

    /// Its values and its place, separated so that the values can be overwritten.
    pub fn into_parts(self) -> (Values, Input) {
        (self.values, self.place)
    }
}

impl Deref for Tensor {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tracked = self.place.0.is_some();
        f.debug_struct("Tensor").field("shape", &self.shape).field("tracked", &tracked).finish()
    }
}

/// The place of an operation's input on the tape, without its values; none if it gets no gradient.
#[derive(Clone)]
pub struct Input(Option<(Tape, usize)>);

impl From<&Tensor> for Input {
    fn from(tensor: &Tensor) -> Self {
        tensor.place.clone()
    }
}

impl From<Option<&Tensor>> for Input {
    fn from(tensor: Option<&Tensor>) -> Self {
        Self(tensor.and_then(|tensor| tensor.place.0.clone()))
    }
}

/// From the gradient of the output, and which inputs need one, to the gradients of the inputs.
type Pullback = dyn FnOnce(Vec<f32>, &[bool]) -> Vec<Option<Vec<f32>>>;

struct Node {
    inputs: Vec<Option<usize>>,
    /// None for a leaf, which keeps its gradient.
    pullback: Option<Box<Pullback>>,
}

/// Everything computed from the leaves, in order.
#[derive(Clone, Default)]
pub struct Tape(Rc<RefCell<Vec<Node>>>);

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tape").field(&self.0.borrow().len()).finish()
    }
}

impl Tape {
    /// A matrix whose gradient is wanted.
    pub fn leaf(&self, values: Vec<f32>, shape: [usize; 2]) -> Tensor {
        self.push(Node { inputs: Vec::new(), pullback: None }, values.into(), shape)
    }

    fn push(&self, node: Node, values: Values, shape: [usize; 2]) -> Tensor {
        let mut nodes = self.0.borrow_mut();
        nodes.push(node);
        Tensor { values, shape, place: Input(Some((self.clone(), nodes.len() - 1))) }
    }

    /// Walks back from the gradients of some tensors to those of all leaves, and empties the tape.
    pub fn backward(&self, from: impl IntoIterator<Item = (Tensor, Vec<f32>)>) -> Gradients {
        let mut nodes = self.0.take();
        let mut gradients = Gradients(vec![None; nodes.len()]);
        for (tensor, gradient) in from {
            if let Some((_, index)) = tensor.place.0 {
                gradients.add(index, gradient);
            }
        }
        while let Some(node) = nodes.pop() {
            let Some(pullback) = node.pullback else { continue };
            let Some(gradient) = gradients.0[nodes.len()].take() else { continue };
            let wanted: Vec<bool> = node.inputs.iter().map(Option::is_some).collect();
            let results = pullback(gradient, &wanted);
            debug_assert_eq!(results.len(), wanted.len(), "one gradient for each input");
            for (input, gradient) in node.inputs.into_iter().zip(results) {
                if let (Some(input), Some(gradient)) = (input, gradient) {
                    gradients.add(input, gradient);
                }
            }
        }
        gradients
    }
}

/// Gradients of the leaves of a tape.
pub struct Gradients(Vec<Option<Vec<f32>>>);

impl Gradients {
    /// Takes the gradient of a leaf, if the results depend on it.
    pub fn take(&mut self, leaf: &Tensor) -> Option<Vec<f32>> {
        leaf.place.0.as_ref().and_then(|(_, index)| self.0[*index].take())
    }

    fn add(&mut self, index: usize, gradient: Vec<f32>) {
        match &mut self.0[index] {
            None => self.0[index] = Some(gradient),
            Some(sum) => {
                sum.iter_mut().zip(&gradient).for_each(|(s, g)| *s += g);
                buffers::keep(gradient);
            }
        }
    }
}

/// Records `values`, computed from `inputs`, with the pullback from its gradient to those of the
/// inputs (none for an input that needs none). It is a constant if no input gets a gradient.
pub fn record(
    inputs: impl IntoIterator<Item = impl Into<Input>>,
    values: impl Into<Values>,
    shape: [usize; 2],
    pullback: impl FnOnce(Vec<f32>, &[bool]) -> Vec<Option<Vec<f32>>> + 'static,
) -> Tensor {
    let inputs: Vec<Input> = inputs.into_iter().map(Into::into).collect();
    let Some((tape, _)) = inputs.iter().find_map(|input| input.0.clone()) else {
        return Tensor::constant(values, shape);
    };
    let inputs = inputs.into_iter().map(|input| input.0.map(|(_, index)| index)).collect();
    tape.push(Node { inputs, pullback: Some(Box::new(pullback)) }, values.into(), shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(a: &Tensor, b: &Tensor) -> Tensor {
        let (x, y) = (a.share(), b.share());
        record([a, b], vec![x[0] * y[0]], [1, 1], move |d, _| {
            vec![Some(vec![d[0] * y[0]]), Some(vec![d[0] * x[0]])]
        })
    }

    #[test]
    fn gradients_of_all_uses_add_up_and_constants_take_none() {
        let tape = Tape::default();
        let (a, b) = (tape.leaf(vec![3.0], [1, 1]), tape.leaf(vec![5.0], [1, 1]));
        let two = Tensor::constant(vec![2.0], [1, 1]);
        // 2 a b + a a, and a result whose gradient nobody wants.
        let (first, second) = (product(&product(&a, &two), &b), product(&a, &a));
        product(&b, &b);
        assert_eq!((first[0], second[0]), (30.0, 9.0));
        let mut gradients = tape.backward([(first, vec![1.0]), (second, vec![10.0])]);
        assert_eq!(gradients.take(&a), Some(vec![2.0 * 5.0 + 10.0 * 6.0]));
        assert_eq!(gradients.take(&b), Some(vec![6.0]));
        assert_eq!(gradients.take(&b), None);
        assert_eq!(gradients.take(&two), None);
        assert!(product(&two, &two).place.0.is_none());
    }

    #[test]
    fn values_that_nobody_else_holds_are_moved() {
        let values = Values::from(vec![1.0, 2.0]);
        let (address, other) = (values.as_ptr(), values.clone());
        let (copied, moved) = (other.into_vec(), values.into_vec());
        assert!(copied.as_ptr() != address && moved.as_ptr() == address);
    }
}
