//! An ONNX graph under construction: nodes, constants, inputs and outputs by name.

use super::proto::Message;

/// Element types, as `TensorProto.DataType` numbers them.
#[derive(Debug, Clone, Copy)]
enum ElementType {
    Float = 1,
    Int8 = 3,
    Int64 = 7,
}

/// The value for floats of the attribute of `Cast`.
pub(super) const FLOAT: i64 = ElementType::Float as i64;

/// Size of one dimension of an input or output.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dim {
    Fixed(usize),
    /// Any size; equal names mean equal sizes.
    Free(&'static str),
    /// Any size.
    Any,
}

/// The value of an attribute of an operator.
#[derive(Debug)]
pub(super) enum Attribute<'a> {
    Integer(i64),
    Integers(&'a [i64]),
    Graph(Graph),
}

/// Nodes in the order of execution, and what they refer to. Names of values are unique in the whole
/// model.
#[derive(Debug, Default)]
pub(super) struct Graph {
    fields: Message,
}

impl Graph {
    /// Adds a node whose only output has the node's name; returns that name.
    pub(super) fn node(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> String {
        self.node_with_outputs(name, operator, inputs, &[name], attributes);
        name.to_string()
    }

    /// Adds a node; an empty name means an absent input or output.
    pub(super) fn node_with_outputs(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) {
        let mut node = Message::default();
        for input in inputs {
            node = node.text(1, input);
        }
        for output in outputs {
            node = node.text(2, output);
        }
        node = node.text(3, name).text(4, operator);
        for (key, attribute) in attributes {
            node = node.message(5, &attribute.encode(key));
        }
        self.add(1, &node);
    }

    /// A float constant.
    pub(super) fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        self.constant(name, ElementType::Float, dims, &bytes)
    }

    /// An int8 constant.
    pub(super) fn int8(&mut self, name: &str, dims: &[usize], values: &[i8]) -> String {
        let bytes = values.iter().map(|&x| x as u8).collect::<Vec<u8>>();
        self.constant(name, ElementType::Int8, dims, &bytes)
    }

    /// A vector of 64-bit integers, for shapes and axes.
    pub(super) fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        self.constant(name, ElementType::Int64, &[values.len()], &bytes)
    }

    /// A float input of the graph.
    pub(super) fn input(&mut self, name: &str, dims: &[Dim]) -> String {
        self.add(11, &value_info(name, ElementType::Float, dims));
        name.to_string()
    }

    /// An input of `length` 64-bit integers.
    pub(super) fn integer_input(&mut self, name: &str, length: usize) {
        self.add(11, &value_info(name, ElementType::Int64, &[Dim::Fixed(length)]));
    }

    /// Declares the value `name` an output.
    pub(super) fn output(&mut self, name: &str, dims: &[Dim]) {
        self.add(12, &value_info(name, ElementType::Float, dims));
    }

    /// The message, called `name`.
    pub(super) fn finish(self, name: &str) -> Message {
        self.fields.text(2, name)
    }

    fn constant(
        &mut self,
        name: &str,
        element: ElementType,
        dims: &[usize],
        bytes: &[u8],
    ) -> String {
        let dims: Vec<i64> = dims.iter().map(|&n| n as i64).collect();
        let tensor = Message::default()
            .integers(1, &dims)
            .integer(2, element as i64)
            .text(8, name)
            .bytes(9, bytes);
        self.add(5, &tensor);
        name.to_string()
    }

    fn add(&mut self, field: u32, message: &Message) {
        self.fields = std::mem::take(&mut self.fields).message(field, message);
    }
}

impl Attribute<'_> {
    /// `AttributeProto`: the field of the value, and its type in field 20.
    fn encode(&self, name: &str) -> Message {
        let message = Message::default().text(1, name);
        match self {
            Attribute::Integer(value) => message.integer(3, *value).integer(20, 2),
            Attribute::Integers(values) => message.integers(8, values).integer(20, 7),
            Attribute::Graph(graph) => {
                message.message(6, &graph.fields.clone().text(2, name)).integer(20, 5)
            }
        }
    }
}

fn value_info(name: &str, element: ElementType, dims: &[Dim]) -> Message {
    let shape = dims.iter().fold(Message::default(), |shape, dim| {
        let dim = match dim {
            Dim::Fixed(size) => Message::default().integer(1, *size as i64),
            Dim::Free(name) => Message::default().text(2, name),
            Dim::Any => Message::default(),
        };
        shape.message(1, &dim)
    });
    let tensor = Message::default().integer(1, element as i64).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
