//! The bundled English models as bytes: no path, no download, one copy for every surface that embeds them.
//!
//! ```
//! assert!(stonechat_english::MODEL.len() + stonechat_english::LANGUAGE_MODEL.len() <= 6_000_000);
//! ```
//!
//! What they were trained on, how well they hear and what they are bad at stands in the crate's README.

#![no_std]
#![forbid(unsafe_code)]

/// The network: the package file `default.stonechat`, for `stonechat::Model::from_bytes`.
pub const MODEL: &[u8] = include_bytes!("../default.stonechat");

/// The language model that the network is decoded with: `default.lm`, for `stonechat_lm::LanguageModel::from_bytes`.
pub const LANGUAGE_MODEL: &[u8] = include_bytes!("../default.lm");
