//! LIMIT, OFFSET, FETCH FIRST ... WITH TIES.

use super::{Numbers, Operator};
use crate::context::Run;
use crate::key::SortKeys;
use expr::{Expr, SortKey};
use plan::Plan;
use types::{Batch, Result, err};

pub(super) struct Limit {
    /// Made at the first pull: how much it will be asked for is known only then.
    input: Option<Operator>,
    number: usize,
    skip: u64,
    /// None: all.
    left: Option<u64>,
    /// WITH TIES: the last row within the limit, while its peers may follow.
    last: Option<Batch>,
}

impl Limit {
    pub fn new(number: usize) -> Limit {
        Limit { input: None, number, skip: 0, left: None, last: None }
    }

    pub fn next(
        &mut self,
        plan: &Plan,
        limit: Option<&Expr>,
        offset: Option<&Expr>,
        with_ties: Option<&[SortKey]>,
        run: &Run<'_, '_>,
        out: &mut Batch,
    ) -> Result<bool> {
        if self.input.is_none() {
            self.skip = match count(offset, run)? {
                Some(skip) if skip < 0 => {
                    return Err(err!(InvalidRowCountInOffsetClause, "OFFSET must not be negative"));
                }
                skip => skip.unwrap_or(0).unsigned_abs(),
            };
            self.left = match count(limit, run)? {
                Some(left) if left < 0 => {
                    return Err(err!(InvalidRowCountInLimitClause, "LIMIT must not be negative"));
                }
                left => left.map(i64::unsigned_abs),
            };
            let wanted = self.left.map_or(u64::MAX, |left| left.saturating_add(self.skip));
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).max(1);
            self.input = Some(Operator::new(plan, wanted, &mut Numbers::resumed(self.number, run)));
        }
        let Some(input) = &mut self.input else { return Ok(false) };
        loop {
            if self.left == Some(0) && (with_ties.is_none() || self.last.is_none()) {
                return Ok(false);
            }
            if !input.next_rows(plan, run, out)? {
                return Ok(false);
            }
            let skipped = self.skip.min(out.rows as u64);
            self.skip -= skipped;
            let start = skipped as usize;
            let end = match self.left {
                None => out.rows,
                Some(left) => start + left.min((out.rows - start) as u64) as usize,
            };
            if let Some(left) = &mut self.left {
                *left -= (end - start) as u64;
            }
            let end = match with_ties {
                Some(keys) if self.left == Some(0) => end + ties(&mut self.last, keys, run, out, start, end)?,
                _ => end,
            };
            if start == 0 && end == out.rows {
                return Ok(true);
            }
            if start < end {
                *out = out.take(&(start..end).collect::<Vec<_>>());
                return Ok(true);
            }
            if end < out.rows {
                return Ok(false);
            }
        }
    }
}

/// How many rows from `end` on are peers of the last row within the limit.
fn ties(
    last: &mut Option<Batch>,
    keys: &[SortKey],
    run: &Run<'_, '_>,
    batch: &Batch,
    start: usize,
    end: usize,
) -> Result<usize> {
    if start < end {
        *last = Some(batch.take(&[end - 1]));
    }
    let Some(peer) = &*last else { return Ok(0) };
    let mut sort_keys = SortKeys::new(keys);
    for rows in [peer, batch] {
        sort_keys.push(&run.eval_all(keys.iter().map(|key| &key.expr), rows)?, rows.rows)?;
    }
    let ties = (end..batch.rows).take_while(|row| sort_keys.compare(0, row + 1).is_eq()).count();
    if end + ties < batch.rows {
        *last = None;
    }
    Ok(ties)
}

/// None: absent or NULL, which is no limit.
fn count(expr: Option<&Expr>, run: &Run<'_, '_>) -> Result<Option<i64>> {
    match expr {
        None => Ok(None),
        Some(expr) => Ok(run.eval_constant(expr)?.as_i64()),
    }
}
