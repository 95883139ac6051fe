//! Schema changes as data: the planner writes them from SQL, the catalog carries them out.
//!
//! Names are resolved as far as the syntax goes (folded, schema-qualified where the statement was), types are final,
//! expressions are SQL text that the planner has bound once to prove them good.

use crate::schema::{Action, Identity};
use crate::{ColumnType, Value};

/// `[schema.]name`. Without a schema: the first of the search path that fits the operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    pub schema: Option<String>,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Ddl {
    CreateTable(CreateTable),
    /// CREATE TABLE AS and SELECT INTO are a CreateTable followed by an insert: see `plan::Statement`.
    /// `references`: what the query reads, as (relation, column); column 0 is the relation as a whole. Kept with the
    /// view, so that what it stands on is not dropped from under it.
    CreateView {
        name: Name,
        or_replace: bool,
        columns: Vec<(String, ColumnType)>,
        query: String,
        references: Vec<(crate::Oid, crate::schema::ColumnId)>,
    },
    CreateIndex(CreateIndex),
    CreateSequence {
        name: Name,
        if_not_exists: bool,
        options: SequenceOptions,
    },
    CreateSchema {
        name: String,
        if_not_exists: bool,
        owner: Option<String>,
    },
    AlterTable {
        name: Name,
        if_exists: bool,
        actions: Vec<AlterTable>,
    },
    AlterSequence {
        name: Name,
        if_exists: bool,
        options: SequenceOptions,
    },
    /// ALTER INDEX, ALTER VIEW, ALTER SEQUENCE ... RENAME TO.
    Rename {
        kind: ObjectKind,
        name: Name,
        if_exists: bool,
        to: String,
    },
    AlterOwner {
        kind: ObjectKind,
        name: Name,
        owner: String,
    },
    SetSchema {
        kind: ObjectKind,
        name: Name,
        schema: String,
    },
    Drop {
        kind: ObjectKind,
        names: Vec<Name>,
        if_exists: bool,
        cascade: bool,
    },
    Truncate {
        names: Vec<Name>,
        restart_identity: bool,
        cascade: bool,
    },
    Comment {
        on: CommentTarget,
        text: Option<String>,
    },
    Grant(Grant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    Table,
    View,
    Index,
    Sequence,
    Schema,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTable {
    pub name: Name,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnDefinition>,
    /// Table constraints and those written beside a column, in order. Names may be None: the catalog makes
    /// PostgreSQL's (`t_pkey`, `t_a_b_key`, `t_a_check`, `t_a_fkey`).
    pub constraints: Vec<ConstraintDefinition>,
    pub append_only: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDefinition {
    pub name: String,
    pub ty: ColumnType,
    pub not_null: bool,
    pub default: Option<String>,
    /// The default is a constant of this value: what ADD COLUMN stores as the missing value.
    pub constant_default: Option<Value>,
    pub identity: Option<(Identity, SequenceOptions)>,
    /// serial, bigserial, smallserial: the catalog makes the sequence and the default.
    pub serial: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConstraintDefinition {
    pub name: Option<String>,
    pub kind: ConstraintDefinitionKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintDefinitionKind {
    PrimaryKey(Vec<String>),
    Unique(Vec<String>),
    /// SQL text, and the columns it names (for the constraint's own name).
    Check {
        expression: String,
        columns: Vec<String>,
    },
    ForeignKey {
        columns: Vec<String>,
        target: Name,
        /// Empty: the target's primary key.
        target_columns: Vec<String>,
        on_delete: Action,
        on_update: Action,
        match_full: bool,
        deferrable: bool,
        initially_deferred: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateIndex {
    pub name: Option<String>,
    pub table: Name,
    pub unique: bool,
    pub if_not_exists: bool,
    pub columns: Vec<IndexColumnDefinition>,
    pub predicate: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IndexColumnDefinition {
    /// A column's name, or None for `expression`.
    pub column: Option<String>,
    pub expression: Option<(String, ColumnType)>,
    pub descending: bool,
    pub nulls_first: bool,
}

/// Unset = unchanged (ALTER) or PostgreSQL's default (CREATE).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SequenceOptions {
    pub ty: Option<ColumnType>,
    pub start: Option<i64>,
    pub increment: Option<i64>,
    /// Some(None) = NO MINVALUE.
    pub minimum: Option<Option<i64>>,
    pub maximum: Option<Option<i64>>,
    pub cache: Option<i64>,
    pub cycle: Option<bool>,
    /// Some(None) = OWNED BY NONE.
    pub owned_by: Option<Option<(Name, String)>>,
    /// Some(None) = RESTART without a value.
    pub restart: Option<Option<i64>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterTable {
    AddColumn {
        column: ColumnDefinition,
        constraints: Vec<ConstraintDefinition>,
        if_not_exists: bool,
    },
    DropColumn {
        name: String,
        if_exists: bool,
        cascade: bool,
    },
    RenameColumn {
        from: String,
        to: String,
    },
    RenameTo(String),
    RenameConstraint {
        from: String,
        to: String,
    },
    AddConstraint {
        constraint: ConstraintDefinition,
        not_valid: bool,
    },
    /// ADD CONSTRAINT ... PRIMARY KEY / UNIQUE USING INDEX is 0A000 in the planner.
    DropConstraint {
        name: String,
        if_exists: bool,
        cascade: bool,
    },
    ValidateConstraint(String),
    SetDefault {
        column: String,
        default: String,
    },
    DropDefault {
        column: String,
    },
    SetNotNull {
        column: String,
    },
    DropNotNull {
        column: String,
    },
    AddIdentity {
        column: String,
        identity: Identity,
        options: SequenceOptions,
    },
    DropIdentity {
        column: String,
        if_exists: bool,
    },
    SetType {
        column: String,
        ty: ColumnType,
        using: Option<String>,
    },
    SetAppendOnly(bool),
}

#[derive(Debug, Clone, PartialEq)]
pub enum CommentTarget {
    Relation(ObjectKind, Name),
    Column(Name, String),
    Constraint(Name, String),
}

/// GRANT and REVOKE on tables, sequences and schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    pub revoke: bool,
    /// Empty = ALL PRIVILEGES.
    pub privileges: Vec<Privilege>,
    pub on: GrantTarget,
    /// Role names; `public` is everyone.
    pub roles: Vec<String>,
    pub grant_option: bool,
    pub cascade: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GrantTarget {
    Tables(Vec<Name>),
    Sequences(Vec<Name>),
    Schemas(Vec<String>),
    Databases(Vec<String>),
    AllTablesIn(Vec<String>),
    AllSequencesIn(Vec<String>),
}

/// `aclitem` letters: arwdDxtXUCTc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Privilege {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
    References,
    Trigger,
    Usage,
    Create,
    Connect,
    Temporary,
    Execute,
}

/// Role DDL goes to the system ledger, not to a database's.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleDdl {
    Create {
        name: String,
        if_not_exists: bool,
        options: RoleOptions,
    },
    Alter {
        name: String,
        options: RoleOptions,
    },
    Rename {
        name: String,
        to: String,
    },
    Drop {
        names: Vec<String>,
        if_exists: bool,
    },
    CreateDatabase {
        name: String,
        owner: Option<String>,
    },
    DropDatabase {
        name: String,
        if_exists: bool,
    },
    RenameDatabase {
        name: String,
        to: String,
    },
    /// GRANT role TO role.
    GrantMembership {
        revoke: bool,
        roles: Vec<String>,
        members: Vec<String>,
        admin: bool,
    },
}

/// Unset = unchanged or PostgreSQL's default.
#[derive(Clone, Default, PartialEq)]
pub struct RoleOptions {
    pub superuser: Option<bool>,
    pub login: Option<bool>,
    pub create_role: Option<bool>,
    pub create_database: Option<bool>,
    pub inherit: Option<bool>,
    pub connection_limit: Option<i32>,
    /// Some(None) = PASSWORD NULL. Never logged, never in a ledger.
    pub password: Option<Option<String>>,
}

impl std::fmt::Debug for RoleOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoleOptions(..)")
    }
}
