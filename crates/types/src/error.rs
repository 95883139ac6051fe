//! Errors as PostgreSQL reports them: a SQLSTATE, a message, and the fields that clients read.

use std::fmt;

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! sql_states {
    ($($name:ident = $code:literal,)*) => {
        /// A SQLSTATE (PostgreSQL 15, appendix A). Named as in `errcodes.txt`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SqlState { $(#[doc = $code] $name,)* }

        impl SqlState {
            /// The five characters, e.g. `"23505"`.
            pub const fn code(self) -> &'static str {
                match self { $(SqlState::$name => $code,)* }
            }
            /// The state with this code, if this engine knows it.
            pub fn from_code(code: &str) -> Option<SqlState> {
                match code { $($code => Some(SqlState::$name),)* _ => None }
            }
        }
    };
}

sql_states! {
    SuccessfulCompletion = "00000",
    Warning = "01000",
    NoData = "02000",
    ConnectionException = "08000",
    ConnectionFailure = "08006",
    ProtocolViolation = "08P01",
    FeatureNotSupported = "0A000",
    InvalidGrantor = "0L000",
    CaseNotFound = "20000",
    CardinalityViolation = "21000",
    DataException = "22000",
    StringDataRightTruncation = "22001",
    NumericValueOutOfRange = "22003",
    NullValueNotAllowed = "22004",
    InvalidDatetimeFormat = "22007",
    DatetimeFieldOverflow = "22008",
    InvalidTimeZoneDisplacementValue = "22009",
    SubstringError = "22011",
    DivisionByZero = "22012",
    InvalidPrecedingOrFollowingSize = "22013",
    InvalidArgumentForNtile = "22014",
    IntervalFieldOverflow = "22015",
    InvalidArgumentForNthValue = "22016",
    CharacterNotInRepertoire = "22021",
    InvalidParameterValue = "22023",
    InvalidUseOfEscapeCharacter = "2200C",
    InvalidArgumentForLogarithm = "2201E",
    InvalidArgumentForPowerFunction = "2201F",
    InvalidArgumentForWidthBucket = "2201G",
    InvalidRowCountInLimitClause = "2201W",
    InvalidRowCountInOffsetClause = "2201X",
    InvalidRegularExpression = "2201B",
    InvalidEscapeSequence = "22025",
    ArraySubscriptError = "2202E",
    InvalidTextRepresentation = "22P02",
    InvalidBinaryRepresentation = "22P03",
    BadCopyFileFormat = "22P04",
    UntranslatableCharacter = "22P05",
    SequenceGeneratorLimitExceeded = "2200H",
    InvalidJsonText = "22032",
    IntegrityConstraintViolation = "23000",
    RestrictViolation = "23001",
    NotNullViolation = "23502",
    ForeignKeyViolation = "23503",
    UniqueViolation = "23505",
    CheckViolation = "23514",
    InvalidCursorState = "24000",
    InvalidTransactionState = "25000",
    ActiveSqlTransaction = "25001",
    ReadOnlySqlTransaction = "25006",
    NoActiveSqlTransaction = "25P01",
    InFailedSqlTransaction = "25P02",
    IdleInTransactionSessionTimeout = "25P03",
    InvalidSqlStatementName = "26000",
    InvalidAuthorizationSpecification = "28000",
    InvalidPassword = "28P01",
    DependentObjectsStillExist = "2BP01",
    InvalidTransactionTermination = "2D000",
    InvalidCursorName = "34000",
    InvalidSavepointSpecification = "3B001",
    InvalidCatalogName = "3D000",
    InvalidSchemaName = "3F000",
    SerializationFailure = "40001",
    DeadlockDetected = "40P01",
    SyntaxErrorOrAccessRule = "42000",
    SyntaxError = "42601",
    InsufficientPrivilege = "42501",
    CannotCoerce = "42846",
    GroupingError = "42803",
    WindowingError = "42P20",
    InvalidRecursion = "42P19",
    InvalidForeignKey = "42830",
    InvalidName = "42602",
    NameTooLong = "42622",
    ReservedName = "42939",
    DatatypeMismatch = "42804",
    IndeterminateDatatype = "42P18",
    WrongObjectType = "42809",
    GeneratedAlways = "428C9",
    UndefinedColumn = "42703",
    UndefinedFunction = "42883",
    UndefinedTable = "42P01",
    UndefinedParameter = "42P02",
    UndefinedObject = "42704",
    DuplicateColumn = "42701",
    DuplicateCursor = "42P03",
    DuplicateDatabase = "42P04",
    DuplicateFunction = "42723",
    DuplicatePreparedStatement = "42P05",
    DuplicateSchema = "42P06",
    DuplicateTable = "42P07",
    DuplicateAlias = "42712",
    DuplicateObject = "42710",
    AmbiguousColumn = "42702",
    AmbiguousFunction = "42725",
    AmbiguousParameter = "42P08",
    AmbiguousAlias = "42P09",
    InvalidColumnReference = "42P10",
    InvalidColumnDefinition = "42611",
    InvalidCursorDefinition = "42P11",
    InvalidDatabaseDefinition = "42P12",
    InvalidFunctionDefinition = "42P13",
    InvalidPreparedStatementDefinition = "42P14",
    InvalidSchemaDefinition = "42P15",
    InvalidTableDefinition = "42P16",
    InvalidObjectDefinition = "42P17",
    CollationMismatch = "42P21",
    WithCheckOptionViolation = "44000",
    InsufficientResources = "53000",
    DiskFull = "53100",
    OutOfMemory = "53200",
    TooManyConnections = "53300",
    ProgramLimitExceeded = "54000",
    StatementTooComplex = "54001",
    TooManyColumns = "54011",
    TooManyArguments = "54023",
    ObjectNotInPrerequisiteState = "55000",
    ObjectInUse = "55006",
    CantChangeRuntimeParam = "55P02",
    LockNotAvailable = "55P03",
    OperatorIntervention = "57000",
    QueryCanceled = "57014",
    AdminShutdown = "57P01",
    CrashShutdown = "57P02",
    CannotConnectNow = "57P03",
    DatabaseDropped = "57P04",
    IdleSessionTimeout = "57P05",
    IoError = "58030",
    ConfigFileError = "F0000",
    InternalError = "XX000",
    DataCorrupted = "XX001",
    IndexCorrupted = "XX002",
}

/// What a client is told about one error (PostgreSQL 15, 55.8 "Error and Notice Message Fields").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub state: SqlState,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Where in the statement, in characters, from 1.
    pub position: Option<usize>,
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub data_type: Option<String>,
    pub constraint: Option<String>,
}

/// An error of the engine. One pointer wide; read its fields through `Deref`.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Report>);

impl std::ops::Deref for Error {
    type Target = Report;
    fn deref(&self) -> &Report {
        &self.0
    }
}

impl std::ops::DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Report {
        &mut self.0
    }
}

impl Error {
    pub fn new(state: SqlState, message: impl Into<String>) -> Error {
        Error(Box::new(Report {
            state,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            context: None,
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: None,
        }))
    }

    /// 0A000: what a user may expect of PostgreSQL and this engine does not do.
    pub fn unsupported(what: impl fmt::Display) -> Error {
        Error::new(SqlState::FeatureNotSupported, format!("{what} is not supported"))
    }

    /// XX000: a broken invariant of ours. Never a panic.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(SqlState::InternalError, message)
    }

    /// XX001: bytes that are not what was written. The message names file, offset and transaction.
    pub fn corrupted(message: impl Into<String>) -> Error {
        Error::new(SqlState::DataCorrupted, message)
    }

    pub fn detail(mut self, text: impl Into<String>) -> Error {
        self.detail = Some(text.into());
        self
    }

    /// Where the error came from: the W field.
    pub fn context(mut self, text: impl Into<String>) -> Error {
        self.context = Some(text.into());
        self
    }

    pub fn hint(mut self, text: impl Into<String>) -> Error {
        self.hint = Some(text.into());
        self
    }

    /// Characters from 1. Keeps a position that is already there (the innermost is the best).
    pub fn at(mut self, position: usize) -> Error {
        self.position.get_or_insert(position);
        self
    }

    pub fn on_table(mut self, schema: impl Into<String>, table: impl Into<String>) -> Error {
        self.schema = Some(schema.into());
        self.table = Some(table.into());
        self
    }

    pub fn on_column(mut self, column: impl Into<String>) -> Error {
        self.column = Some(column.into());
        self
    }

    pub fn on_constraint(mut self, constraint: impl Into<String>) -> Error {
        self.constraint = Some(constraint.into());
        self
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.state.code())?;
        if let Some(detail) = &self.detail {
            write!(f, "\nDETAIL:  {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nHINT:  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// `err!(UndefinedTable, "relation \"{name}\" does not exist")`
#[macro_export]
macro_rules! err {
    ($state:ident, $($message:tt)+) => {
        $crate::Error::new($crate::SqlState::$state, format!($($message)+))
    };
}

/// `bail!(DivisionByZero, "division by zero")`
#[macro_export]
macro_rules! bail {
    ($state:ident, $($message:tt)+) => { return Err($crate::err!($state, $($message)+)) };
}
