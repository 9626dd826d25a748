//! The layers without a state: linear maps, convolutions, the clipped ReLU.

use super::graph::{Attribute, Graph};
use super::weights::Layout;
use stonechat_model::{Affine, ConvConfig, LinearMap, Matrix};

impl Graph {
    /// The factors of a map as values, the first to apply first: two for a low-rank map.
    pub(super) fn factors(&mut self, name: &str, map: &LinearMap) -> Vec<String> {
        let mut factor = |part: &str, w: &Matrix| {
            self.matrix(&format!("{name}.{part}"), w, &Layout::transposed(w))
        };
        match map.factors() {
            Some((u, v)) => vec![factor("v", v), factor("u", u)],
            None => vec![factor("weight", &map.to_matrix())],
        }
    }

    /// The product of `x`, over its last dimension, with one factor after another.
    pub(super) fn products(&mut self, name: &str, factors: &[String], x: &str) -> String {
        factors.iter().enumerate().fold(x.to_string(), |x, (i, w)| {
            self.node(&format!("{name}.product.{i}"), "MatMul", &[&x, w], &[])
        })
    }

    /// `W x + b` over the last dimension of `x`.
    pub(super) fn affine(&mut self, name: &str, layer: &Affine, x: &str) -> String {
        let factors = self.factors(name, &layer.map);
        let product = self.products(name, &factors, x);
        let bias = self.floats(&format!("{name}.bias"), &[layer.bias.len()], &layer.bias);
        self.node(&format!("{name}.sum"), "Add", &[&product, &bias], &[])
    }

    /// `min(max(x, 0), clip)`.
    pub(super) fn clipped_relu(&mut self, name: &str, clip: f32, x: &str) -> String {
        let low = self.floats(&format!("{name}.low"), &[], &[0.0]);
        let high = self.floats(&format!("{name}.high"), &[], &[clip]);
        self.node(&format!("{name}.clipped"), "Clip", &[x, &low, &high], &[])
    }

    /// The convolution of `batch x channels x frames x bins`, with `left` and `right` zero frames
    /// around it. A low-rank convolution applies the filters `V` and then, at each place, the
    /// product with `U`.
    pub(super) fn convolution(
        &mut self,
        name: &str,
        layer: &Affine,
        config: &ConvConfig,
        channels_in: usize,
        [left, right]: [usize; 2],
        x: &str,
    ) -> String {
        let bias = self.floats(&format!("{name}.bias"), &[layer.bias.len()], &layer.bias);
        let pad = config.frequency_padding();
        let pads = [left, pad, right, pad].map(|n| n as i64);
        let strides = [config.stride[1], config.stride[0]].map(|n| n as i64);
        let attributes =
            [("pads", Attribute::Integers(&pads)), ("strides", Attribute::Integers(&strides))];
        let filters = |matrix: &Matrix| filters(matrix, config.kernel, channels_in);
        match layer.map.factors() {
            Some((u, v)) => {
                let w = self.matrix(&format!("{name}.v"), v, &filters(v));
                let inner = self.node(&format!("{name}.inner"), "Conv", &[x, &w], &attributes);
                let places =
                    Layout { dims: vec![u.rows(), u.cols(), 1, 1], row_axis: 0, order: None };
                let w = self.matrix(&format!("{name}.u"), u, &places);
                self.node(&format!("{name}.sum"), "Conv", &[&inner, &w, &bias], &[])
            }
            None => {
                let dense = layer.map.to_matrix();
                let w = self.matrix(&format!("{name}.weight"), &dense, &filters(&dense));
                self.node(&format!("{name}.sum"), "Conv", &[x, &w, &bias], &attributes)
            }
        }
    }

    /// The row convolution of `frames x batch x width` by `taps x width` weights: a separate
    /// convolution for each unit. It sees `right` zero frames after the end.
    pub(super) fn row_convolution(
        &mut self,
        taps: &[f32],
        width: usize,
        right: usize,
        x: &str,
    ) -> String {
        let name = "row_conv";
        let count = taps.len() / width;
        let by_unit: Vec<f32> =
            (0..taps.len()).map(|i| taps[i % count * width + i / count]).collect();
        let w = self.floats(&format!("{name}.weight"), &[width, 1, count], &by_unit);
        let x = self.transpose(&format!("{name}.units"), &[1, 2, 0], x);
        let attributes = [
            ("group", Attribute::Integer(width as i64)),
            ("pads", Attribute::Integers(&[0, right as i64])),
        ];
        let y = self.node(&format!("{name}.sum"), "Conv", &[&x, &w], &attributes);
        self.transpose(&format!("{name}.frames"), &[2, 0, 1], &y)
    }

    pub(super) fn transpose(&mut self, name: &str, order: &[i64], x: &str) -> String {
        self.node(name, "Transpose", &[x], &[("perm", Attribute::Integers(order))])
    }
}

/// Filters from `[out][time][frequency][in]` to `[out][in][time][frequency]`.
fn filters(matrix: &Matrix, [frequency, time]: [usize; 2], channels_in: usize) -> Layout {
    let mut order = Vec::with_capacity(matrix.params());
    for out in 0..matrix.rows() {
        for channel in 0..channels_in {
            for place in 0..time * frequency {
                order.push((out * time * frequency + place) * channels_in + channel);
            }
        }
    }
    Layout {
        dims: vec![matrix.rows(), channels_in, time, frequency],
        row_axis: 0,
        order: Some(order),
    }
}
