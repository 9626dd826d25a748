//! Whether CTC can align a text with its audio at all.

/// Fewest output frames on which CTC can emit `labels`: one a label, and a blank between equal neighbours
/// (Graves et al., ICML 2006, section 3); at least 1.
pub fn ctc_frames_needed(labels: &[u16]) -> usize {
    let repeats = labels.windows(2).filter(|pair| pair[0] == pair[1]).count();
    (labels.len() + repeats).max(1)
}
