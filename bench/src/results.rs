//! All numbers of a run, and what can be said about them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::job::Numbers;
use crate::measure::quantile;
use crate::peers::Name;

/// By case and peer, what each repetition found.
#[derive(Default, Serialize)]
pub(crate) struct Results {
    cases: BTreeMap<String, BTreeMap<Name, Vec<Outcome>>>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Found(Numbers),
    Failed(String),
}

/// The median of several repetitions, and how far they lie apart.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) runs: usize,
}

impl Results {
    pub(crate) fn add(&mut self, case: &str, peer: Name, outcome: Outcome) {
        self.cases.entry(case.to_owned()).or_default().entry(peer).or_default().push(outcome);
    }

    /// Whether anything of it was measured.
    pub(crate) fn has(&self, case: &str) -> bool {
        self.cases.contains_key(case)
    }

    /// A number, in each repetition.
    pub(crate) fn values(&self, case: &str, peer: Name, metric: &str) -> Vec<Option<f64>> {
        let outcomes = self.cases.get(case).and_then(|peers| peers.get(&peer));
        outcomes.into_iter().flatten().map(|outcome| outcome.number(metric)).collect()
    }

    pub(crate) fn spread(&self, case: &str, peer: Name, metric: &str) -> Option<Spread> {
        Spread::of(self.values(case, peer, metric).into_iter().flatten().collect())
    }

    /// One number over another of the same repetition.
    pub(crate) fn ratio(&self, over: (&str, Name, &str), under: (&str, Name, &str)) -> Option<Spread> {
        let over = self.values(over.0, over.1, over.2);
        let under = self.values(under.0, under.1, under.2);
        Spread::of(over.into_iter().zip(under).filter_map(|(over, under)| Some(over? / under?)).collect())
    }

    /// Why a peer has no number.
    pub(crate) fn failure(&self, case: &str, peer: Name) -> Option<&str> {
        let outcomes = self.cases.get(case)?.get(&peer)?;
        outcomes.iter().find_map(|outcome| match outcome {
            Outcome::Failed(error) => Some(error.as_str()),
            Outcome::Found(_) => None,
        })
    }
}

impl Outcome {
    fn number(&self, metric: &str) -> Option<f64> {
        match self {
            Outcome::Found(numbers) => numbers.get(metric).copied(),
            Outcome::Failed(_) => None,
        }
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        (!values.is_empty()).then(|| Self {
            median: quantile(&mut values, 0.5),
            least: quantile(&mut values, 0.0),
            most: quantile(&mut values, 1.0),
            runs: values.len(),
        })
    }
}
