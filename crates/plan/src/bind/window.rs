//! Window calls: OVER, named windows, frames.

use super::function::{Call, direction};
use super::{Binder, Clause, Place, names};
use expr::window::WindowTarget;
use expr::{Expr, Frame, FrameBound, FrameExclusion, FrameMode, SortKey, WindowCall};
use sqlparser::ast::{self, Expr as Sql, WindowFrameBound, WindowType};
use types::cast::Context;
use types::{DataType, Error, Result, err};

impl Binder<'_> {
    pub(crate) fn window_call(
        &mut self,
        call: &Call<'_>,
        window: &WindowType,
        place: &mut Place<'_>,
    ) -> Result<Expr> {
        let clause = place.clause;
        if place.collected.is_none()
            || !matches!(clause, Clause::SelectList | Clause::OrderBy | Clause::DistinctOn)
        {
            let error = match clause {
                Clause::AggregateArgument => {
                    err!(GroupingError, "aggregate function calls cannot contain window function calls")
                }
                Clause::Window => err!(WindowingError, "window function calls cannot be nested"),
                clause => err!(WindowingError, "window functions are not allowed in {}", clause.name()),
            };
            return Err(self.at(error, call.at));
        }
        if call.distinct {
            return Err(self
                .at(err!(FeatureNotSupported, "DISTINCT is not implemented for window functions"), call.at));
        }
        if !call.order_by.is_empty() {
            let error =
                err!(FeatureNotSupported, "aggregate ORDER BY is not implemented for window functions");
            return Err(self.at(error, call.at));
        }
        if !call.within_group.is_empty() {
            let error =
                err!(FeatureNotSupported, "OVER is not supported for ordered-set aggregate {}", call.name);
            return Err(self.at(error, call.at));
        }
        // Arguments may hold aggregates (of the grouped query) but no window calls.
        let mut inside =
            Place { scope: place.scope, clause: Clause::Window, collected: place.collected.as_deref_mut() };
        let args = self.arguments(call, &mut inside)?;
        let types: Vec<DataType> = args.iter().map(Expr::data_type).collect();
        let pure = match call.schema.as_deref() {
            None | Some("pg_catalog") => expr::window::resolve(&call.name, &types),
            Some(_) => None,
        };
        let filter = match call.filter {
            None => None,
            Some(sql) => {
                let bound = self.expr(sql, &mut inside)?;
                Some(self.condition(bound, "FILTER", sql)?)
            }
        };
        let (function, ty) = match pure {
            Some(resolved) => {
                let (function, wanted, returns) = resolved.map_err(|error| self.at(error, call.at))?;
                if filter.is_some() {
                    let error = err!(
                        FeatureNotSupported,
                        "FILTER is not implemented for non-aggregate window functions"
                    );
                    return Err(self.at(error, call.at));
                }
                let args = self.coerced(args, &wanted, call.at)?;
                (WindowTarget::Function(function, args), types::ColumnType::from(returns))
            }
            None => {
                let Some(resolved) = expr::aggregate::resolve(&call.name, &types, call.star) else {
                    let missing = expr::function::resolve(call.schema.as_deref(), &call.name, &types).err();
                    let error = missing.unwrap_or_else(|| {
                        let name = &call.name;
                        err!(
                            WrongObjectType,
                            "OVER specified, but {name} is not a window function nor an aggregate function"
                        )
                    });
                    return Err(self.at(error, call.at));
                };
                let resolved = resolved.map_err(|error| self.at(error, call.at))?;
                let args = self.coerced(args, &resolved.arguments, call.at)?;
                let ty = types::ColumnType::from(resolved.returns);
                let aggregate = resolved.aggregate;
                let call =
                    expr::AggregateCall { aggregate, args, distinct: false, order_by: vec![], filter, ty };
                (WindowTarget::Aggregate(call), ty)
            }
        };
        let (partition_by, order_by, frame) = self.window(window, call.at, &mut inside)?;
        let window = WindowCall { function, partition_by, order_by, frame, ty };
        let Some(collected) = place.collected.as_deref_mut() else {
            return Err(Error::internal("a window's place"));
        };
        if let Some((number, _)) = collected.windows.iter().find(|(_, same)| *same == window) {
            return Ok(self.arena.expr(*number));
        }
        let number = self.arena.column(ty);
        collected.windows.push((number, window));
        Ok(self.arena.expr(number))
    }

    fn coerced(&mut self, args: Vec<Expr>, wanted: &[DataType], at: &Sql) -> Result<Vec<Expr>> {
        let mut all = vec![];
        for (arg, ty) in args.into_iter().zip(wanted) {
            all.push(self.argument(arg, *ty).map_err(|error| self.at(error, at))?);
        }
        Ok(all)
    }

    fn window(
        &mut self,
        window: &WindowType,
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<(Vec<Expr>, Vec<SortKey>, Frame)> {
        let spec = match window {
            WindowType::NamedWindow(name) => self.named_window(name, place)?,
            WindowType::WindowSpec(spec) => self.merged(spec, false, place)?,
        };
        let ast::WindowSpec { window_name: _, partition_by, mut order_by, window_frame } = spec;
        let exclusion = taken_exclusion(&mut order_by);
        let mut partitions = vec![];
        for sql in &partition_by {
            let bound = self.expr(sql, place)?;
            let bound = self.decided(bound, sql)?;
            expr::operator::equality(bound.data_type()).map_err(|error| self.at(error, sql))?;
            partitions.push(bound);
        }
        let mut keys = vec![];
        for key in &order_by {
            let ast::OrderByExpr { expr, options, with_fill } = key;
            if with_fill.is_some() {
                return Err(Error::unsupported("WITH FILL"));
            }
            let bound = self.expr(expr, place)?;
            let bound = self.decided(bound, expr)?;
            let (descending, nulls_first) = direction(options)?;
            keys.push(SortKey { expr: bound, descending, nulls_first });
        }
        let frame = match window_frame {
            None => Frame::default(),
            Some(frame) => Frame { exclusion, ..self.frame(&frame, &keys, at, place)? },
        };
        Ok((partitions, keys, frame))
    }

    fn named_window(&mut self, name: &ast::Ident, place: &Place<'_>) -> Result<ast::WindowSpec> {
        let folded = names::fold(name);
        let named = place
            .collected
            .as_deref()
            .map(|collected| collected.named_windows.as_slice())
            .unwrap_or_default();
        match named.iter().find(|(known, _)| *known == folded) {
            Some((_, spec)) => Ok(spec.clone()),
            None => Err(self.at(err!(UndefinedObject, "window \"{folded}\" does not exist"), name)),
        }
    }

    /// `(base ORDER BY ...)`: what the named base says, and then this. `definition`: in a WINDOW clause.
    pub(crate) fn merged(
        &mut self,
        spec: &ast::WindowSpec,
        definition: bool,
        place: &Place<'_>,
    ) -> Result<ast::WindowSpec> {
        let Some(name) = &spec.window_name else { return Ok(spec.clone()) };
        let base = self.named_window(name, place)?;
        let folded = names::fold(name);
        if !spec.partition_by.is_empty() {
            let error = err!(WindowingError, "cannot override PARTITION BY clause of window \"{folded}\"");
            return Err(self.at(error, name));
        }
        // EXCLUDE comes as a sort key, but sorts nothing.
        let mut own = spec.order_by.clone();
        taken_exclusion(&mut own);
        if !own.is_empty() && !base.order_by.is_empty() {
            let error = err!(WindowingError, "cannot override ORDER BY clause of window \"{folded}\"");
            return Err(self.at(error, name));
        }
        if base.window_frame.is_some() {
            let plain = !definition && spec.order_by.is_empty() && spec.window_frame.is_none();
            let error = err!(WindowingError, "cannot copy window \"{folded}\" because it has a frame clause");
            let error = if plain { error.hint("Omit the parentheses in this OVER clause.") } else { error };
            return Err(self.at(error, name));
        }
        let order_by = [base.order_by, spec.order_by.clone()].concat();
        Ok(ast::WindowSpec {
            window_name: None,
            partition_by: base.partition_by,
            order_by,
            window_frame: spec.window_frame.clone(),
        })
    }

    fn frame(
        &mut self,
        frame: &ast::WindowFrame,
        keys: &[SortKey],
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<Frame> {
        let ast::WindowFrame { units, start_bound, end_bound } = frame;
        let mode = match units {
            ast::WindowFrameUnits::Rows => FrameMode::Rows,
            ast::WindowFrameUnits::Range => FrameMode::Range,
            ast::WindowFrameUnits::Groups => FrameMode::Groups,
        };
        if mode == FrameMode::Groups && keys.is_empty() {
            return Err(self.at(err!(WindowingError, "GROUPS mode requires an ORDER BY clause"), at));
        }
        let start = self.frame_bound(start_bound, mode, keys, at, place)?;
        let end = match end_bound {
            None => FrameBound::CurrentRow,
            Some(bound) => self.frame_bound(bound, mode, keys, at, place)?,
        };
        let error = match (&start, &end) {
            (FrameBound::UnboundedFollowing, _) => Some("frame start cannot be UNBOUNDED FOLLOWING"),
            (_, FrameBound::UnboundedPreceding) => Some("frame end cannot be UNBOUNDED PRECEDING"),
            (FrameBound::CurrentRow, FrameBound::Preceding(_)) => {
                Some("frame starting from current row cannot have preceding rows")
            }
            (FrameBound::Following(_), FrameBound::Preceding(_)) => {
                Some("frame starting from following row cannot have preceding rows")
            }
            (FrameBound::Following(_), FrameBound::CurrentRow) => {
                Some("frame starting from following row cannot end with current row")
            }
            _ => None,
        };
        if let Some(message) = error {
            return Err(self.at(err!(WindowingError, "{message}"), at));
        }
        Ok(Frame { mode, start, end, exclusion: FrameExclusion::NoOthers })
    }

    fn frame_bound(
        &mut self,
        bound: &WindowFrameBound,
        mode: FrameMode,
        keys: &[SortKey],
        at: &Sql,
        place: &mut Place<'_>,
    ) -> Result<FrameBound> {
        let (offset, preceding) = match bound {
            WindowFrameBound::CurrentRow => return Ok(FrameBound::CurrentRow),
            WindowFrameBound::Preceding(None) => return Ok(FrameBound::UnboundedPreceding),
            WindowFrameBound::Following(None) => return Ok(FrameBound::UnboundedFollowing),
            WindowFrameBound::Preceding(Some(offset)) => (offset, true),
            WindowFrameBound::Following(Some(offset)) => (offset, false),
        };
        let bound = self.expr(offset, place)?;
        let mut columns = crate::rel::columns_in(&bound);
        columns.retain(|number| place.scope.has_local(*number));
        if !columns.is_empty() {
            let what = match mode {
                FrameMode::Rows => "ROWS",
                FrameMode::Range => "RANGE",
                FrameMode::Groups => "GROUPS",
            };
            let error = err!(InvalidColumnReference, "argument of {what} must not contain variables");
            return Err(self.at(error, &**offset));
        }
        let bound = match mode {
            FrameMode::Rows | FrameMode::Groups => {
                let what = if mode == FrameMode::Rows { "ROWS" } else { "GROUPS" };
                let from = bound.data_type();
                match self.try_coerce(bound, DataType::Int8.into(), Context::Assignment) {
                    Ok(Some(bound)) => bound,
                    Ok(None) => {
                        let error =
                            err!(DatatypeMismatch, "argument of {what} must be type bigint, not type {from}");
                        return Err(self.at(error, &**offset));
                    }
                    Err(error) => return Err(self.at(error, &**offset)),
                }
            }
            FrameMode::Range => {
                let [key] = keys else {
                    let error = err!(
                        WindowingError,
                        "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column"
                    );
                    return Err(self.at(error, at));
                };
                use DataType::*;
                let ty = match key.expr.data_type() {
                    Date | Timestamp | TimestampTz | Time | TimeTz | Interval => Interval,
                    number if number.is_numeric() => match bound.data_type() {
                        given if given.is_integer() && number.is_integer() => given,
                        Unknown => number,
                        _ => number,
                    },
                    other => {
                        let error = err!(
                            FeatureNotSupported,
                            "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {other}"
                        );
                        return Err(self.at(error, &**offset));
                    }
                };
                self.coerce(bound, ty, Context::Implicit, &**offset)?
            }
        };
        Ok(if preceding {
            FrameBound::Preceding(Box::new(bound))
        } else {
            FrameBound::Following(Box::new(bound))
        })
    }
}

/// What the frame leaves out: see `parse/spelling.rs`.
fn taken_exclusion(order_by: &mut Vec<ast::OrderByExpr>) -> FrameExclusion {
    let exclusion = match order_by.last() {
        Some(ast::OrderByExpr { expr: Sql::Identifier(ident), .. }) if ident.quote_style.is_none() => {
            match ident.value.as_str() {
                "__exclude_current_row" => Some(FrameExclusion::CurrentRow),
                "__exclude_group" => Some(FrameExclusion::Group),
                "__exclude_ties" => Some(FrameExclusion::Ties),
                "__exclude_no_others" => Some(FrameExclusion::NoOthers),
                _ => None,
            }
        }
        _ => None,
    };
    if exclusion.is_some() {
        order_by.pop();
    }
    exclusion.unwrap_or(FrameExclusion::NoOthers)
}
