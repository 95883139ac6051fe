//! Parse, Bind, Describe, Execute, Close.

use super::{Connection, Copying};
use crate::frame::Bind;
use crate::parameter;
use crate::row::{self, Results};
use bytes::BufMut;
use plan::Field;
use session::{Outcome, TransactionStatus};
use types::{DataType, Result, bail, err};

impl Connection {
    pub(super) fn parse(&mut self, name: &str, query: &str, types: &[u32]) -> Result<()> {
        let types = types.iter().map(|&oid| parameter_type(oid)).collect::<Result<Vec<_>>>()?;
        self.session.prepare(name, query, &types)?;
        self.notices();
        self.wire.put_bare(b'1');
        Ok(())
    }

    pub(super) fn bind(&mut self, bind: Bind<'_>) -> Result<()> {
        let Bind { portal, statement, formats, parameters, result_formats } = bind;
        let prepared = self.session.prepared(statement)?;
        let values = parameter::decode(&self.session, &prepared.parameters, &formats, &parameters)?;
        let columns = prepared.fields.as_ref().map_or(0, |fields| fields.len());
        parameter::check_formats(&result_formats, columns, |given| {
            format!("bind message has {given} result formats but query has {columns} columns")
        })?;
        self.session.bind(portal, statement, values)?;
        match self.formats.get_mut(portal) {
            Some(known) => *known = result_formats,
            None => drop(self.formats.insert(portal.to_owned(), result_formats)),
        }
        self.notices();
        self.wire.put_bare(b'2');
        Ok(())
    }

    pub(super) fn describe(&mut self, kind: u8, name: &str) -> Result<()> {
        match kind {
            b'S' => {
                let prepared = self.session.prepared(name)?;
                self.check_describable(prepared.fields.as_deref())?;
                let out = &mut self.wire.output;
                let start = crate::wire::open(out, b't');
                out.put_u16(prepared.parameters.len() as u16);
                prepared.parameters.iter().for_each(|parameter| out.put_u32(parameter.oid()));
                crate::wire::close(out, start);
                self.put_fields(prepared.fields.as_deref(), None);
            }
            b'P' => {
                let fields = self.session.portal_fields(name)?;
                self.check_describable(fields.as_deref())?;
                self.put_fields(fields.as_deref(), Some(name));
            }
            other => bail!(ProtocolViolation, "invalid DESCRIBE message subtype {other}"),
        }
        Ok(())
    }

    fn check_describable(&self, fields: Option<&[Field]>) -> Result<()> {
        match fields {
            Some(_) if self.session.status() == TransactionStatus::Failed => Err(err!(
                InFailedSqlTransaction,
                "current transaction is aborted, commands ignored until end of transaction block"
            )),
            _ => Ok(()),
        }
    }

    /// RowDescription or NoData. A statement's formats are not known before Bind: they are told as text.
    fn put_fields(&mut self, fields: Option<&[Field]>, portal: Option<&str>) {
        match fields {
            None => self.wire.put_bare(b'n'),
            Some(fields) => {
                let formats =
                    portal.and_then(|portal| self.formats.get(portal)).map_or(&[][..], Vec::as_slice);
                row::describe(fields, formats, &mut self.wire.output);
            }
        }
    }

    pub(super) fn execute(&mut self, portal: &str, max_rows: i32) -> Result<()> {
        // Zero and less mean all.
        let max_rows = usize::try_from(max_rows).unwrap_or(0);
        let formats = self.formats.get(portal).map_or(&[][..], Vec::as_slice);
        let mut results = Results::new(&mut self.wire, formats);
        let outcome = self.session.execute(portal, max_rows, &mut results);
        let copied_out = results.copying;
        match outcome {
            Ok(Outcome::CopyIn { columns, binary }) => {
                self.copying = Some(Copying::Extended);
                self.copy_in(columns, binary);
                Ok(())
            }
            outcome => {
                self.ended(outcome, copied_out, false)?;
                self.wire.flush_if_full()
            }
        }
    }

    pub(super) fn close(&mut self, kind: u8, name: &str) -> Result<()> {
        match kind {
            b'S' => self.session.close_prepared(name),
            b'P' => {
                self.session.close_portal(name);
                self.formats.remove(name);
            }
            other => bail!(ProtocolViolation, "invalid CLOSE message subtype {other}"),
        }
        self.wire.put_bare(b'3');
        Ok(())
    }
}

/// 0 and unknown leave the type to the statement.
fn parameter_type(oid: u32) -> Result<Option<DataType>> {
    match oid {
        0 => Ok(None),
        oid => match DataType::from_oid(oid) {
            Some(DataType::Unknown) => Ok(None),
            Some(data_type) => Ok(Some(data_type)),
            None => Err(err!(UndefinedObject, "type with OID {oid} does not exist")),
        },
    }
}
