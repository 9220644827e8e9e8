//! Rows. [`row!`] turns a struct into a table's row: how it is read, inserted and updated. A
//! `sealed` row is one that authority rests on: it carries a stamp and a MAC under the row key, and
//! comes out of the database only as [`Sealed`], whose value cannot be had without checking the MAC.

use domain::enc::Enc;
use domain::keyring::{RowForged, RowKey};
use sqlx::{ColumnIndex, Decode, FromRow, Postgres, Sqlite, Type};
use uuid::Uuid;

use crate::error::Error;
use crate::sql::Statement;

pub(crate) type SqliteQuery<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;
pub(crate) type PostgresQuery<'q> = sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>;

/// A row of one table, addressed by its `id` column.
pub(crate) trait Row: Sized {
    const TABLE: &'static str;
    const INSERT: Statement;
    /// Sets every column by `id`; for a sealed row only where the stamp is the one that was read.
    const UPDATE: Statement;

    fn id(&self) -> Uuid;
    fn enter(&self, enc: Enc) -> Enc;
    fn bind_sqlite<'q>(&self, query: SqliteQuery<'q>) -> SqliteQuery<'q>;
    fn bind_postgres<'q>(&self, query: PostgresQuery<'q>) -> PostgresQuery<'q>;
}

/// A row with a MAC that has not been checked.
pub(crate) enum Sealed<T> {
    Whole {
        row: T,
        stamp: i64,
        mac: Vec<u8>,
    },
    /// A column does not even hold a value of its type: this program did not write it.
    Garbled {
        id: Uuid,
    },
}

impl<'r, R, T> FromRow<'r, R> for Sealed<T>
where
    R: sqlx::Row,
    T: FromRow<'r, R>,
    &'static str: ColumnIndex<R>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(columns: &'r R) -> Result<Self, sqlx::Error> {
        let whole = || {
            Ok(Self::Whole {
                row: T::from_row(columns)?,
                stamp: columns.try_get("stamp")?,
                mac: columns.try_get("mac")?,
            })
        };
        match whole() {
            // One garbled row must not keep the others from being read.
            Err(sqlx::Error::ColumnDecode { .. }) => Ok(Self::Garbled {
                id: columns.try_get("id").unwrap_or_default(),
            }),
            read => read,
        }
    }
}

/// A row whose MAC was right when it was read. The stamp counts its changes.
#[derive(Clone, Debug)]
pub struct Stamped<T> {
    row: T,
    stamp: i64,
}

impl<T> Stamped<T> {
    pub(crate) const fn new(row: T, stamp: i64) -> Self {
        Self { row, stamp }
    }

    pub const fn stamp(&self) -> i64 {
        self.stamp
    }

    pub fn into_row(self) -> T {
        self.row
    }
}

impl<T> std::ops::Deref for Stamped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.row
    }
}

impl<T: Row> Sealed<T> {
    /// # Errors
    /// [`Error::Tampered`] when the row is not as this program wrote it.
    pub(crate) fn open(self, key: &RowKey) -> Result<Stamped<T>, Error> {
        let tampered = |id| Error::Tampered {
            table: T::TABLE,
            id,
        };
        match self {
            Self::Whole { row, stamp, mac } => match key.verify(&mac_input(&row, stamp), &mac) {
                Ok(()) => Ok(Stamped::new(row, stamp)),
                Err(RowForged) => Err(tampered(row.id())),
            },
            Self::Garbled { id } => Err(tampered(id)),
        }
    }
}

pub(crate) fn mac_input<T: Row>(row: &T, stamp: i64) -> Vec<u8> {
    // A stamp counts up from one; an edited negative one must not pass for another.
    row.enter(RowKey::row(T::TABLE, row.id(), stamp.cast_unsigned()))
        .finish()
}

/// `row! { struct Name in "table" { id: Id, … } }`, or `sealed struct …` for a row with a MAC. The
/// first field is the `id` column; every field is a column of the same name.
macro_rules! row {
    // A row that is found by other columns than an `id`.
    (@plain $(#[$meta:meta])* struct $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty,)+ }) => {
        row!(@define $(#[$meta])* $name { $($(#[$fmeta])* $field: $type,)+ });
    };
    ($(#[$meta:meta])* struct $name:ident in $table:literal { $($(#[$fmeta:meta])* $field:ident: $type:ty,)+ }) => {
        row!(@define $(#[$meta])* $name { $($(#[$fmeta])* $field: $type,)+ });
        row!(@row $name $table [$($field)+] [$($field: $type,)+] plain);
    };
    ($(#[$meta:meta])* sealed struct $name:ident in $table:literal { $($(#[$fmeta:meta])* $field:ident: $type:ty,)+ }) => {
        row!(@define $(#[$meta])* $name { $($(#[$fmeta])* $field: $type,)+ });
        row!(@row $name $table [$($field)+] [$($field: $type,)+] sealed);
    };
    (@define $(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type,)+ }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $name
        where
            &'static str: sqlx::ColumnIndex<R>,
            $(<$type as $crate::column::Column>::Raw: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)+
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: {
                    let raw = row.try_get(stringify!($field))?;
                    <$type as $crate::column::Column>::parse(raw).map_err(|source| sqlx::Error::ColumnDecode {
                        index: concat!(stringify!($name), ".", stringify!($field)).to_owned(),
                        source,
                    })?
                },)+ })
            }
        }
    };
    (@row $name:ident $table:literal [$id:ident $($rest:ident)*] [$($field:ident: $type:ty,)+] $kind:ident) => {
        impl $crate::row::Row for $name {
            const TABLE: &'static str = $table;
            const INSERT: $crate::sql::Statement =
                row!(@sql insert $kind $table [$id $($rest)*]);
            const UPDATE: $crate::sql::Statement =
                row!(@sql update $kind $table [$id $($rest)*]);

            fn id(&self) -> uuid::Uuid {
                self.$id.uuid()
            }

            fn enter(&self, enc: domain::enc::Enc) -> domain::enc::Enc {
                $(let enc = $crate::column::Column::enter(&self.$field, enc);)+
                enc
            }

            fn bind_sqlite<'q>(&self, query: $crate::row::SqliteQuery<'q>) -> $crate::row::SqliteQuery<'q> {
                query$(.bind($crate::column::raw(&self.$field)))+
            }

            fn bind_postgres<'q>(&self, query: $crate::row::PostgresQuery<'q>) -> $crate::row::PostgresQuery<'q> {
                query$(.bind($crate::column::raw(&self.$field)))+
            }
        }
    };
    (@sql insert plain $table:literal [$($field:ident)+]) => {
        row!(@insert $table [] [] [$($field)+] 0;
            "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "$10" "$11" "$12" "$13" "$14" "$15" "$16" "$17" "$18" "$19" "$20" "$21" "$22" "$23" "$24")
    };
    (@sql insert sealed $table:literal [$($field:ident)+]) => {
        row!(@insert $table [] [] [$($field)+ stamp mac] 0;
            "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "$10" "$11" "$12" "$13" "$14" "$15" "$16" "$17" "$18" "$19" "$20" "$21" "$22" "$23" "$24")
    };
    (@sql update plain $table:literal [$id:ident $($field:ident)*]) => {
        row!(@update plain $table [] [$($field)*] 1;
            "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "$10" "$11" "$12" "$13" "$14" "$15" "$16" "$17" "$18" "$19" "$20" "$21" "$22" "$23" "$24")
    };
    (@sql update sealed $table:literal [$id:ident $($field:ident)*]) => {
        row!(@update sealed $table [] [$($field)* stamp mac] 1;
            "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "$10" "$11" "$12" "$13" "$14" "$15" "$16" "$17" "$18" "$19" "$20" "$21" "$22" "$23" "$24")
    };
    (@insert $table:literal [$($col:expr,)*] [$($ph:literal,)*] [$field:ident $($fields:ident)+] $n:expr; $p:literal $($more:literal)*) => {
        row!(@insert $table [$($col,)* stringify!($field), ", ",] [$($ph,)* $p, ", ",] [$($fields)+] $n + 1; $($more)*)
    };
    (@insert $table:literal [$($col:expr,)*] [$($ph:literal,)*] [$field:ident] $n:expr; $p:literal $($more:literal)*) => {
        $crate::sql::Statement::both(
            concat!("INSERT INTO ", $table, " (", $($col,)* stringify!($field), ") VALUES (", $($ph,)* $p, ")"),
            $n + 1,
        )
    };
    (@update $kind:ident $table:literal [$($set:expr,)*] [$field:ident $($fields:ident)+] $n:expr; $p:literal $($more:literal)*) => {
        row!(@update $kind $table [$($set,)* stringify!($field), " = ", $p, ", ",] [$($fields)+] $n + 1; $($more)*)
    };
    (@update plain $table:literal [$($set:expr,)*] [$field:ident] $n:expr; $p:literal $($more:literal)*) => {
        $crate::sql::Statement::both(
            concat!("UPDATE ", $table, " SET ", $($set,)* stringify!($field), " = ", $p, " WHERE id = $1"),
            $n + 1,
        )
    };
    (@update sealed $table:literal [$($set:expr,)*] [$field:ident] $n:expr; $p:literal $old:literal $($more:literal)*) => {
        $crate::sql::Statement::both(
            concat!("UPDATE ", $table, " SET ", $($set,)* stringify!($field), " = ", $p, " WHERE id = $1 AND stamp = ", $old),
            $n + 2,
        )
    };
}

pub(crate) use row;
