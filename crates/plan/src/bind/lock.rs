//! FOR UPDATE and its weaker kin: which rows a query locks, and how (PostgreSQL 15, 13.3.2).

use super::names::fold;
use super::{Binder, Scope};
use crate::node::{LockStrength, LockWait};
use crate::parse::spelling::WEAKER;
use crate::rel::{self, Number, Rel};
use crate::statement::TableLock;
use sqlparser::ast::{self, Spanned};
use types::ddl::Privilege;
use types::{Result, err};

impl Binder<'_> {
    /// FOR UPDATE and friends.
    pub(super) fn locked(
        &mut self,
        input: Rel,
        clauses: &[ast::LockClause],
        scope: &Scope<'_>,
    ) -> Result<Rel> {
        let mut locks: Vec<rel::LockRows> = vec![];
        for clause in clauses {
            let ast::LockClause { lock_type: _, of: _, nonblock } = clause;
            let (strength, of) = meaning(clause);
            let wait = match nonblock {
                None => LockWait::Block,
                Some(ast::NonBlock::Nowait) => LockWait::Nowait,
                Some(ast::NonBlock::SkipLocked) => LockWait::SkipLocked,
            };
            let name = strength_name(strength);
            let tables: Vec<_> = match of {
                [] => scope.tables.iter().filter(|table| table.base.is_some()).collect(),
                [of] => {
                    let wanted = of.as_ident().map(fold).unwrap_or_default();
                    match scope.tables.iter().find(|table| table.name == wanted) {
                        Some(table) if table.base.is_some() => vec![table],
                        Some(_) => {
                            let error = err!(WrongObjectType, "{name} cannot be applied to \"{wanted}\"");
                            return Err(self.at(error, &of.span().start));
                        }
                        None => {
                            let error = err!(
                                UndefinedTable,
                                "relation \"{wanted}\" in {name} clause not found in FROM clause"
                            );
                            return Err(self.at(error, &of.span().start));
                        }
                    }
                }
                [of, ..] => {
                    let error = err!(SyntaxError, "{name} must specify unqualified relation names");
                    return Err(self.at(error, &of.span().start));
                }
            };
            for table in tables {
                let Some((relation, key)) = table.base.clone() else { continue };
                if self.past(&input, key) {
                    return Err(err!(
                        ReadOnlySqlTransaction,
                        "{name} cannot be applied to the past of \"{}\"",
                        table.name
                    ));
                }
                self.need(&relation, Privilege::Update, TableLock::RowShare);
                match locks.iter_mut().find(|lock| lock.key == key) {
                    Some(lock) => {
                        lock.strength = lock.strength.max(strength);
                        if wait != LockWait::Block {
                            lock.wait = wait;
                        }
                    }
                    None => locks.push(rel::LockRows { relation, key, strength, wait }),
                }
            }
        }
        if locks.is_empty() {
            return Ok(input);
        }
        Ok(Rel::LockRows { input: Box::new(input), locks })
    }

    /// Whether the scan that makes this row key reads another moment than now.
    fn past(&self, rel: &Rel, key: Number) -> bool {
        let mut found = false;
        rel.visit(&mut |rel| {
            if let Rel::Scan(scan) = rel {
                found |= scan.key == key && !matches!(scan.versions, crate::node::Versions::Snapshot);
            }
        });
        found
    }
}

/// The clause's strength, and the name of its table.
fn meaning(clause: &ast::LockClause) -> (LockStrength, &[ast::ObjectNamePart]) {
    let ast::LockClause { lock_type, of, nonblock: _ } = clause;
    let mut of = of.as_ref().map_or(&[][..], |name| &name.0);
    let weaker = of.first().is_some_and(|part| part.as_ident().is_some_and(|name| name.value == WEAKER));
    if weaker {
        of = &of[1..];
    }
    let strength = match (lock_type, weaker) {
        (ast::LockType::Update, false) => LockStrength::Update,
        (ast::LockType::Update, true) => LockStrength::NoKeyUpdate,
        (ast::LockType::Share, false) => LockStrength::Share,
        (ast::LockType::Share, true) => LockStrength::KeyShare,
    };
    (strength, of)
}

/// How messages call the first of these clauses.
pub(super) fn name(clauses: &[ast::LockClause]) -> &'static str {
    clauses.first().map_or("FOR UPDATE", |clause| strength_name(meaning(clause).0))
}

fn strength_name(strength: LockStrength) -> &'static str {
    match strength {
        LockStrength::KeyShare => "FOR KEY SHARE",
        LockStrength::Share => "FOR SHARE",
        LockStrength::NoKeyUpdate => "FOR NO KEY UPDATE",
        LockStrength::Update => "FOR UPDATE",
    }
}
