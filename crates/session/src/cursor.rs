//! DECLARE, FETCH, MOVE, CLOSE.

use crate::conversation::Outcome;
use crate::portal::{Cursor, Portal, PortalState};
use crate::prepared::Prepared;
use crate::run::Ended;
use crate::session::Session;
use exec::Execution;
use plan::Statement;
use plan::statement::FetchDirection;
use std::collections::VecDeque;
use std::sync::Arc;
use types::{Batch, Result, Value, err};

impl Session {
    pub(crate) fn declare(
        &mut self,
        name: &str,
        query: &Arc<plan::Query>,
        (hold, scroll): (bool, Option<bool>),
        prepared: &Prepared,
        parameters: &[Value],
    ) -> Result<Outcome> {
        if !hold && !self.in_block() {
            return Err(err!(
                NoActiveSqlTransaction,
                "DECLARE CURSOR can only be used in transaction blocks"
            ));
        }
        if self.portals.contains_key(name) {
            return Err(err!(DuplicateCursor, "cursor \"{name}\" already exists"));
        }
        self.begin_query(query)?;
        let fields = crate::portal::result_fields(query);
        let statement = Arc::new(Statement::Query(query.clone()));
        let prepared = Prepared { statement, fields, ..prepared.clone() };
        let mut portal = Portal::new(Arc::new(prepared), parameters.to_vec());
        portal.state = PortalState::Running(Box::new(Execution::new(query.clone(), false)));
        portal.created_us = self.known.statement_start.get();
        let depth = self.open.as_ref().map_or(0, |open| open.savepoints.len());
        portal.cursor =
            Some(Cursor { hold, scroll: scroll.unwrap_or(false), rows: vec![], position: 0, depth });
        self.portals.insert(name.to_owned(), portal);
        Ok(Outcome::done("DECLARE CURSOR"))
    }

    /// FETCH and MOVE.
    pub(crate) fn fetch_cursor(
        &mut self,
        name: &str,
        direction: FetchDirection,
        move_only: bool,
    ) -> Result<Ended> {
        let Some(mut portal) = self.portals.remove(name) else {
            return Err(err!(InvalidCursorName, "cursor \"{name}\" does not exist"));
        };
        let result = self.move_cursor(&mut portal, direction);
        let types = portal.fields().map(|fields| fields.iter().map(|f| f.ty.data_type).collect::<Vec<_>>());
        self.portals.insert(name.to_owned(), portal);
        let found = result?;
        if move_only {
            return Ok(Ended::Outcome(Outcome::done(format!("MOVE {}", found.len()))));
        }
        let mut batch = Batch::new(types.unwrap_or_default());
        found.iter().for_each(|row| batch.push_row(row));
        Ok(Ended::Rows(VecDeque::from([batch]), format!("FETCH {}", found.len())))
    }

    fn move_cursor(&mut self, portal: &mut Portal, direction: FetchDirection) -> Result<Vec<Vec<Value>>> {
        let (position, scroll) = match &portal.cursor {
            Some(cursor) => (cursor.position, cursor.scroll),
            None => return Err(err!(InvalidCursorState, "a portal of the protocol is no cursor")),
        };
        let backward_refused = || {
            err!(ObjectNotInPrerequisiteState, "cursor can only scan forward")
                .hint("Declare it with SCROLL option to enable backward scan.")
        };
        match direction {
            FetchDirection::Forward(count) if count >= 0 => self.forward(portal, count),
            FetchDirection::Backward(count) if count < 0 => self.forward(portal, count.saturating_neg()),
            FetchDirection::Forward(count) | FetchDirection::Backward(count) => {
                if !scroll {
                    return Err(backward_refused());
                }
                Ok(backward(portal, count.unsigned_abs()))
            }
            FetchDirection::Absolute(target) => {
                let target = match target {
                    n if n >= 0 => n as usize,
                    n => {
                        self.forward(portal, i64::MAX)?;
                        let total = portal.cursor.as_ref().map_or(0, |cursor| cursor.rows.len());
                        (total + 1).saturating_sub(n.unsigned_abs() as usize)
                    }
                };
                if target <= position && !scroll {
                    return Err(backward_refused());
                }
                self.jump(portal, target)
            }
            FetchDirection::Relative(distance) => {
                let target = position as i64 + distance;
                if distance < 0 && !scroll {
                    return Err(backward_refused());
                }
                self.jump(portal, usize::try_from(target).unwrap_or(0))
            }
        }
    }

    /// The next `count` rows; i64::MAX = all. Ends after the last row when they run out.
    fn forward(&mut self, portal: &mut Portal, count: i64) -> Result<Vec<Vec<Value>>> {
        let mut out = Vec::new();
        if count == 0 {
            // FETCH 0 reads the current row again.
            if let Some(cursor) = &portal.cursor
                && let Some(row) = cursor.position.checked_sub(1).and_then(|at| cursor.rows.get(at))
            {
                out.push(row.clone());
            }
            return Ok(out);
        }
        let settings = self.known.text_settings();
        while (out.len() as i64) < count {
            let Some(cursor) = &mut portal.cursor else { break };
            if let Some(row) = cursor.rows.get(cursor.position) {
                out.push(row.clone());
                cursor.position += 1;
                continue;
            }
            let PortalState::Running(execution) = &mut portal.state else {
                cursor.position = cursor.rows.len() + 1;
                break;
            };
            let mut batch = Batch::default();
            let left = usize::try_from(count - out.len() as i64).unwrap_or(usize::MAX);
            if !self.pull_batch(execution, &portal.parameters, &settings, left.min(1024), &mut batch)? {
                portal.state = PortalState::Done { rows: true };
                continue;
            }
            cursor.rows.extend((0..batch.rows).map(|row| batch.row(row)));
        }
        Ok(out)
    }

    fn jump(&mut self, portal: &mut Portal, target: usize) -> Result<Vec<Vec<Value>>> {
        let have = portal.cursor.as_ref().map_or(0, |cursor| cursor.rows.len());
        if target > have {
            if let Some(cursor) = &mut portal.cursor {
                cursor.position = have.max(cursor.position.min(have));
            }
            let missing = target - have;
            self.forward(portal, missing as i64)?;
        }
        let Some(cursor) = &mut portal.cursor else { return Ok(vec![]) };
        cursor.position = target.min(cursor.rows.len() + 1);
        let row = target.checked_sub(1).and_then(|at| cursor.rows.get(at));
        Ok(row.cloned().into_iter().collect())
    }

    /// WITH HOLD cursors read to their end before their transaction ends.
    pub(crate) fn keep_held_cursors(&mut self) -> Result<()> {
        let names: Vec<String> = self
            .portals
            .iter()
            .filter(|(_, portal)| portal.cursor.as_ref().is_some_and(|cursor| cursor.hold))
            .filter(|(_, portal)| matches!(portal.state, PortalState::Running(_)))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let Some(mut portal) = self.portals.remove(&name) else { continue };
            let position = portal.cursor.as_ref().map_or(0, |cursor| cursor.position);
            self.forward(&mut portal, i64::MAX)?;
            if let Some(cursor) = &mut portal.cursor {
                cursor.position = position;
            }
            self.portals.insert(name, portal);
        }
        Ok(())
    }

    pub(crate) fn close_cursor(&mut self, name: Option<&str>) -> Result<Outcome> {
        match name {
            None => {
                self.portals.retain(|_, portal| portal.cursor.is_none());
                Ok(Outcome::done("CLOSE CURSOR ALL"))
            }
            Some(name) => match self.portals.remove(name) {
                Some(_) => Ok(Outcome::done("CLOSE CURSOR")),
                None => Err(err!(InvalidCursorName, "cursor \"{name}\" does not exist")),
            },
        }
    }
}

fn backward(portal: &mut Portal, count: u64) -> Vec<Vec<Value>> {
    let Some(cursor) = &mut portal.cursor else { return vec![] };
    let mut out = Vec::new();
    while (out.len() as u64) < count && cursor.position > 0 {
        cursor.position -= 1;
        if let Some(row) = cursor.position.checked_sub(1).and_then(|at| cursor.rows.get(at)) {
            out.push(row.clone());
        }
    }
    out
}
