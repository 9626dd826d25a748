//! What was wrong with recordings although samples came out of them, for many recordings at once.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use stonechat_audio::{Warning, WarningKind};

use crate::Utterance;

/// The warnings of the recordings of manifests: how many of each kind, and where the first one is.
#[derive(Clone, Debug, Default)]
pub struct Doubts(BTreeMap<WarningKind, Found>);

#[derive(Clone, Debug)]
struct Found {
    recordings: usize,
    first: Utterance,
    message: String,
}

/// All warnings of a kind. As JSON `{"kind": "quiet", "recordings": 3, "first": "m.jsonl:7", "message": "..."}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubt {
    /// What it is about.
    pub kind: WarningKind,
    /// Recordings that have it.
    pub recordings: usize,
    /// `manifest:line` of the first.
    pub first: String,
    /// What was found in the first, and what was done about it.
    pub message: String,
}

impl Doubts {
    /// Takes the warnings of a recording.
    pub fn add(&mut self, utterance: &Utterance, warnings: &[Warning]) {
        for (n, warning) in warnings.iter().enumerate() {
            let again = warnings[..n].iter().any(|earlier| earlier.kind == warning.kind);
            if !again {
                let (first, message) = (utterance.clone(), warning.message.clone());
                self.take(warning.kind, Found { recordings: 1, first, message });
            }
        }
    }

    /// Takes those of other recordings, in any order.
    pub fn merge(&mut self, others: Self) {
        others.0.into_iter().for_each(|(kind, found)| self.take(kind, found));
    }

    fn take(&mut self, kind: WarningKind, found: Found) {
        let Some(known) = self.0.get_mut(&kind) else {
            self.0.insert(kind, found);
            return;
        };
        let recordings = known.recordings + found.recordings;
        fn place(found: &Found) -> (&Path, usize) {
            (&found.first.manifest, found.first.line)
        }
        if place(&found) < place(known) {
            *known = found;
        }
        known.recordings = recordings;
    }

    /// One for each kind.
    pub fn list(&self) -> Vec<Doubt> {
        let doubt = |(kind, found): (&WarningKind, &Found)| Doubt {
            kind: *kind,
            recordings: found.recordings,
            first: found.first.place(),
            message: found.message.clone(),
        };
        self.0.iter().map(doubt).collect()
    }
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.recordings {
            1 => write!(f, "{}: {}", self.first, self.message),
            count => write!(f, "{count} recordings, the first {}: {}", self.first, self.message),
        }
    }
}
