//! The data types and their PostgreSQL identity: OID, name, length, category, array type.

use crate::Oid;
use std::fmt;

macro_rules! data_types {
    ($($name:ident $oid:literal $pg:literal $sql:literal $len:literal $category:literal $array:ident $array_oid:literal $array_pg:literal $code:literal;)*) => {
        /// A SQL data type without its modifier. The array types are types of their own, as in `pg_type`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DataType { $($name, $array,)* }

        impl DataType {
            /// Every type, in OID-table order.
            pub const ALL: &'static [DataType] = &[$(DataType::$name, DataType::$array,)*];

            /// `pg_type.oid`.
            pub const fn oid(self) -> Oid {
                match self { $(DataType::$name => $oid, DataType::$array => $array_oid,)* }
            }
            /// `pg_type.typname`: `int4`, `_int4`.
            pub const fn name(self) -> &'static str {
                match self { $(DataType::$name => $pg, DataType::$array => $array_pg,)* }
            }
            /// `format_type(oid, NULL)`: `integer`, `integer[]`.
            pub const fn sql_name(self) -> &'static str {
                match self { $(DataType::$name => $sql, DataType::$array => concat!($sql, "[]"),)* }
            }
            /// `pg_type.typlen`: bytes, -1 for variable length, -2 for a C string.
            #[allow(clippy::len_without_is_empty)]
            pub const fn len(self) -> i16 {
                match self { $(DataType::$name => $len, DataType::$array => -1,)* }
            }
            /// `pg_type.typcategory`.
            pub const fn category(self) -> char {
                match self { $(DataType::$name => $category, DataType::$array => 'A',)* }
            }
            /// The array type with this element type; None for arrays and pseudo-types.
            pub const fn array(self) -> Option<DataType> {
                match self { $(DataType::$name => if $array_oid == 0 { None } else { Some(DataType::$array) }, DataType::$array => None,)* }
            }
            /// The element type of an array type.
            pub const fn element(self) -> Option<DataType> {
                match self { $(DataType::$name => None, DataType::$array => Some(DataType::$name),)* }
            }
            /// The ledger's type code (docs/file-format.md); None for a type that cannot be stored.
            pub const fn code(self) -> Option<u8> {
                match self { $(DataType::$name => if $code == 0 { None } else { Some($code) }, DataType::$array => if $code == 0 { None } else { Some(0x40) },)* }
            }
            // Pseudo-types have no array type: their arms are empty.
            #[allow(unreachable_patterns)]
            pub fn from_oid(oid: Oid) -> Option<DataType> {
                match oid { 0 => None, $($oid => Some(DataType::$name), $array_oid if $array_oid != 0 => Some(DataType::$array),)* _ => None }
            }
            /// By `pg_type.typname`, e.g. `int4`, `_text`. SQL spellings (`integer`) are the parser's business.
            #[allow(unreachable_patterns)]
            pub fn from_name(name: &str) -> Option<DataType> {
                match name { "" => None, $($pg => Some(DataType::$name), $array_pg => Some(DataType::$array),)* _ => None }
            }
        }
    };
}

#[rustfmt::skip]
data_types! {
    // name      oid   typname        SQL name                       len cat  array        oid   typname          code
    Bool         16    "bool"         "boolean"                      1   'B'  BoolArray    1000  "_bool"          0x10;
    Int2         21    "int2"         "smallint"                     2   'N'  Int2Array    1005  "_int2"          0x12;
    Int4         23    "int4"         "integer"                      4   'N'  Int4Array    1007  "_int4"          0x13;
    Int8         20    "int8"         "bigint"                       8   'N'  Int8Array    1016  "_int8"          0x14;
    Float4       700   "float4"       "real"                         4   'N'  Float4Array  1021  "_float4"        0x15;
    Float8       701   "float8"       "double precision"             8   'N'  Float8Array  1022  "_float8"        0x16;
    Numeric      1700  "numeric"      "numeric"                      -1  'N'  NumericArray 1231  "_numeric"       0x17;
    Text         25    "text"         "text"                         -1  'S'  TextArray    1009  "_text"          0x19;
    Varchar      1043  "varchar"      "character varying"            -1  'S'  VarcharArray 1015  "_varchar"       0x19;
    Bpchar       1042  "bpchar"       "character"                    -1  'S'  BpcharArray  1014  "_bpchar"        0x19;
    Name         19    "name"         "name"                         64  'S'  NameArray    1003  "_name"          0x19;
    Char         18    "char"         "\"char\""                     1   'Z'  CharArray    1002  "_char"          0x19;
    Bytea        17    "bytea"        "bytea"                        -1  'U'  ByteaArray   1001  "_bytea"         0x1a;
    Json         114   "json"         "json"                         -1  'U'  JsonArray    199   "_json"          0x1b;
    Jsonb        3802  "jsonb"        "jsonb"                        -1  'U'  JsonbArray   3807  "_jsonb"         0x1c;
    Date         1082  "date"         "date"                         4   'D'  DateArray    1182  "_date"          0x20;
    Time         1083  "time"         "time without time zone"       8   'D'  TimeArray    1183  "_time"          0x21;
    Timestamp    1114  "timestamp"    "timestamp without time zone"  8   'D'  TimestampArray 1115 "_timestamp"    0x22;
    TimestampTz  1184  "timestamptz"  "timestamp with time zone"     8   'D'  TimestampTzArray 1185 "_timestamptz" 0x23;
    Interval     1186  "interval"     "interval"                     16  'T'  IntervalArray 1187 "_interval"      0x24;
    TimeTz       1266  "timetz"       "time with time zone"          12  'D'  TimeTzArray  1270  "_timetz"        0x25;
    Uuid         2950  "uuid"         "uuid"                         16  'U'  UuidArray    2951  "_uuid"          0x28;
    Oid          26    "oid"          "oid"                          4   'N'  OidArray     1028  "_oid"           0x29;
    Regclass     2205  "regclass"     "regclass"                     4   'N'  RegclassArray 2210 "_regclass"      0x29;
    Regtype      2206  "regtype"      "regtype"                      4   'N'  RegtypeArray 2211  "_regtype"       0x29;
    Regproc      24    "regproc"      "regproc"                      4   'N'  RegprocArray 1008  "_regproc"       0x29;
    Regnamespace 4089  "regnamespace" "regnamespace"                 4   'N'  RegnamespaceArray 4090 "_regnamespace" 0x29;
    Regrole      4096  "regrole"      "regrole"                      4   'N'  RegroleArray 4097  "_regrole"       0x29;
    Xid          28    "xid"          "xid"                          4   'U'  XidArray     1011  "_xid"           0x29;
    // PostgreSQL's vectors are 0-based arrays; clients read `indkey[0]`.
    Int2Vector   22    "int2vector"   "int2vector"                   -1  'A'  Int2VectorArray 1006 "_int2vector"  0x00;
    OidVector    30    "oidvector"    "oidvector"                    -1  'A'  OidVectorArray 1013 "_oidvector"    0x00;
    AclItem      1033  "aclitem"      "aclitem"                      12  'U'  AclItemArray 1034  "_aclitem"       0x00;
    // Pseudo-types. Unknown is the type of a literal before its context decides.
    Unknown      705   "unknown"      "unknown"                      -2  'X'  UnknownArray 0     ""               0x00;
    Record       2249  "record"       "record"                       -1  'P'  RecordArray  2287  "_record"        0x00;
    Void         2278  "void"         "void"                         4   'P'  VoidArray    0     ""               0x00;
}

impl DataType {
    pub const fn is_array(self) -> bool {
        self.element().is_some()
    }
    /// text, varchar, char(n), name, "char" and unknown literals: stored as UTF-8.
    pub const fn is_text(self) -> bool {
        use DataType::*;
        matches!(self, Text | Varchar | Bpchar | Name | Char | Unknown | AclItem)
    }
    pub const fn is_integer(self) -> bool {
        matches!(self, DataType::Int2 | DataType::Int4 | DataType::Int8)
    }
    pub const fn is_numeric(self) -> bool {
        use DataType::*;
        matches!(self, Int2 | Int4 | Int8 | Float4 | Float8 | Numeric)
    }
    /// oid and its aliases: stored as u32.
    pub const fn is_oid(self) -> bool {
        use DataType::*;
        matches!(self, Oid | Regclass | Regtype | Regproc | Regnamespace | Regrole | Xid)
    }
}

/// A type and its modifier, as a column has it. `typmod` is PostgreSQL's: -1 none; n + 4 for char(n) and
/// varchar(n); ((p << 16) | s) + 4 for numeric(p, s); p for times and timestamps; (range << 16) | p for intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnType {
    pub data_type: DataType,
    pub typmod: i32,
}

impl ColumnType {
    pub const fn new(data_type: DataType, typmod: i32) -> ColumnType {
        ColumnType { data_type, typmod }
    }
}

impl From<DataType> for ColumnType {
    fn from(data_type: DataType) -> ColumnType {
        ColumnType { data_type, typmod: -1 }
    }
}

/// As `format_type(oid, typmod)` prints: `character varying(20)`, `numeric(10,2)`, `timestamp(3) without time zone`.
impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DataType::*;
        if self.typmod < 0 {
            return f.write_str(match self.data_type {
                Bpchar => "bpchar",
                BpcharArray => "bpchar[]",
                other => other.sql_name(),
            });
        }
        let (base, suffix) = match self.data_type.element() {
            Some(element) => (element, "[]"),
            None => (self.data_type, ""),
        };
        match base {
            Varchar | Bpchar => write!(f, "{}({})", base.sql_name(), self.typmod - 4)?,
            Numeric => {
                let (precision, scale) = crate::numeric::typmod_parts(self.typmod);
                write!(f, "numeric({precision},{scale})")?;
            }
            Time => write!(f, "time({}) without time zone", self.typmod)?,
            TimeTz => write!(f, "time({}) with time zone", self.typmod)?,
            Timestamp => write!(f, "timestamp({}) without time zone", self.typmod)?,
            TimestampTz => write!(f, "timestamp({}) with time zone", self.typmod)?,
            Interval => {
                f.write_str("interval")?;
                f.write_str(crate::interval::range_name(self.typmod))?;
                let precision = self.typmod & crate::interval::FULL_PRECISION;
                if precision != crate::interval::FULL_PRECISION {
                    write!(f, "({precision})")?;
                }
            }
            other => f.write_str(other.sql_name())?,
        }
        f.write_str(suffix)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modifier_prints_as_format_type_does() {
        let shown = |data_type, typmod| ColumnType::new(data_type, typmod).to_string();
        assert_eq!(shown(DataType::Varchar, 24), "character varying(20)");
        assert_eq!(shown(DataType::Bpchar, -1), "bpchar");
        assert_eq!(
            shown(DataType::NumericArray, crate::numeric::typmod(10, -2).unwrap()),
            "numeric(10,-2)[]"
        );
        assert_eq!(shown(DataType::TimestampTz, 3), "timestamp(3) with time zone");
        assert_eq!(shown(DataType::Interval, (0x7fff << 16) | 3), "interval(3)");
        assert_eq!(shown(DataType::Interval, (6 << 16) | 0xffff), "interval year to month");
        assert_eq!(
            shown(DataType::Interval, ((1 << 3 | 1 << 10 | 1 << 11 | 1 << 12) << 16) | 2),
            "interval day to second(2)"
        );
    }

    #[test]
    fn names_and_oids_lead_back() {
        for ty in DataType::ALL.iter().copied().filter(|ty| ty.oid() != 0) {
            assert_eq!(DataType::from_oid(ty.oid()), Some(ty));
            assert_eq!(DataType::from_name(ty.name()), Some(ty));
            assert_eq!(ty.array().and_then(DataType::element), ty.array().map(|_| ty));
        }
        assert_eq!(DataType::from_oid(0), None);
        assert_eq!(DataType::from_name(""), None);
    }
}
