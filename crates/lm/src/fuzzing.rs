//! What fuzz targets call: any bytes must end in an answer or an error.

use crate::{LanguageModel, WordId, arpa};

/// Loads a packed model and asks it everything once.
pub fn packed(bytes: &[u8]) {
    let Ok(lm) = LanguageModel::from_bytes(bytes.to_vec()) else {
        return;
    };
    let mut state = lm.start();
    for id in 0..64 {
        state = lm.score(state, WordId(id * 7 % 23)).1;
        lm.end(state);
        let word = lm.word(WordId(id)).unwrap_or_default();
        lm.word_id(&word);
    }
    let _ = lm.to_model();
}

/// Reads ARPA text, and packs and unpacks what came of it.
pub fn arpa(bytes: &[u8]) {
    let Ok(model) = arpa::read(bytes) else {
        return;
    };
    let packed = model.pack(crate::Bits::default()).and_then(LanguageModel::from_bytes);
    // What could be read can be packed.
    assert!(packed.is_ok_and(|lm| lm.counts() == model.counts()));
}
