//! Training with quantization: the forward pass uses weights and activations rounded as in the
//! runtime; the gradients ignore the rounding and go to the float weights (Alvarez et al. 2016;
//! Jacob et al. 2018, arXiv 1712.05877).
//!
//! It rounds exactly the numbers that the runtime rounds: every matrix of a dense or low-rank map,
//! with a scale for each row (int8) or for each row and group of 32 columns (int4); and every
//! vector that such a matrix is multiplied by, with its own scale: the patches of a convolution,
//! the inputs of a layer, the recurrent state at each step, and the vectors between two factors. A
//! batch norm that is folded later scales whole rows, which changes no rounding.

use stonechat_compress::Bits;

use super::net::{Net, is_structured};
use super::parameters::Parameter;
use crate::config::Rounding;

/// `net` with the matrices of its maps rounded; maps of other families than dense and low rank stay
/// as they are.
pub fn rounded(rounding: &Rounding, net: &Net) -> Net {
    let (storage, mut net) = (rounding.storage(), net.clone());
    for (id, map) in net.network.maps_mut() {
        if !is_structured(map) {
            map.parts_mut().iter_mut().for_each(|part| round(part, storage.bits_of(id.kind)));
        }
    }
    net
}

fn round(parameter: &mut Parameter, bits: Bits) {
    let Parameter { rows, columns, values } = parameter;
    *values = bits.round(values, *rows, *columns).to_dense();
}
