//! Rules, one a file, and the step from numbered columns to a plan.
//!
//! ```text
//!   Rel ─ inline_cte ─ fold ─ decorrelate ─ push_filter (with outer_join) ─ join_order ─> Rel ─ lower ─> Plan
//!                                                               └ estimate ┘           access, joins, pruning, order
//! ```
//! Every rule keeps the rows; none depends on another having run. Numbers of columns never change, so a rule moves
//! expressions without rewriting them.

mod access;
mod change;
mod cost;
mod decorrelate;
mod estimate;
mod fold;
mod hashed;
mod inline_cte;
mod join_order;
mod lower;
mod lower_join;
mod lower_query;
mod nullability;
mod ordering;
mod push_filter;

pub use fold::fold;

use crate::Environment;
use crate::node::Plan;
use crate::rel::{Arena, Number, Rel};
use std::collections::HashMap;
use types::Result;

/// Plans one statement's trees.
pub(crate) struct Planner<'e> {
    environment: &'e Environment,
    arena: Arena,
    /// Columns of enclosing rows and the slots that hold them while their subtree runs.
    slots: HashMap<Number, usize>,
    slot_count: usize,
    subplans: Vec<Plan>,
    /// Where each of the arena's that is read stands among `cte_plans`.
    cte_positions: HashMap<usize, usize>,
    cte_plans: Vec<Option<Plan>>,
}

/// What a plan needs beside itself.
pub(crate) struct Made {
    pub subplans: Vec<Plan>,
    pub ctes: Vec<Plan>,
    pub slots: usize,
}

impl<'e> Planner<'e> {
    pub(crate) fn new(arena: Arena, environment: &'e Environment) -> Planner<'e> {
        Planner {
            environment,
            arena,
            slots: HashMap::new(),
            slot_count: 0,
            subplans: vec![],
            cte_positions: HashMap::new(),
            cte_plans: vec![],
        }
    }

    /// The rules that work on any subtree.
    pub(crate) fn rewritten(&mut self, mut rel: Rel) -> Result<Rel> {
        fold::tree(&mut rel, &self.environment.settings);
        let rel = self.decorrelated(rel)?;
        let rel = self.pushed(rel, vec![])?;
        self.join_ordered(rel)
    }

    pub(crate) fn made(self) -> Made {
        let ctes = self.cte_plans.into_iter().flatten().collect();
        Made { subplans: self.subplans, ctes, slots: self.slot_count }
    }
}
